"""Toxics that only the embedded server has, and those that differ from Toxiproxy's."""

import os
from pathlib import Path

import pytest
from proxy_kit import Server
from socket_kit import (
    LATE_TOLERANCE_S,
    Stopwatch,
    Upstream,
    eventually,
    exchange,
    read_exactly,
    wait_for_close,
)

TOXIPROXY_TYPES = {
    "noop", "latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data",
    # Merged into Toxiproxy or proposed there after 2.12.0:
    "packet_loss", "slow_open", "limit_time", "down",
}  # fmt: skip


def test_new_toxic_types_do_not_collide_with_toxiproxys() -> None:
    toxics = Path(__file__).parents[2] / "harness" / "proxy" / "toxics"
    ours = {path.stem for path in toxics.glob("[!_]*.py")}
    new = {"stall", "connect_delay", "shared_bandwidth", "time_limit", "corrupt", "http"}
    assert ours - TOXIPROXY_TYPES == new


def test_stall_delays_the_stream_and_loses_nothing(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("stall", name="s", loss=0.2, delay=20)
    data = os.urandom(30_000)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert exchange(client, data) == data
        assert watch.seconds > 0.02
        proxy.update("s", {"attributes": {"loss": 0}})
        assert exchange(client, data) == data


def test_stall_with_loss_1_doubles_its_timeout_eight_times(
    embedded: Server, manual_upstream: Upstream
) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    proxy.add("stall", loss=1, delay=1)
    with proxy.connect() as client:
        watch = Stopwatch()
        manual_upstream.wait_for_client().sendall(b"x")
        assert client.recv(1) == b"x"
        assert 0.25 <= watch.seconds < 0.255 + LATE_TOLERANCE_S  # 1 + 2 + 4 ... + 128 ms


def test_connect_delay_delays_only_the_dial(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("connect_delay", delay=300)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert exchange(client, b"x") == b"x"
        assert 0.29 <= watch.seconds < 0.3 + LATE_TOLERANCE_S
        watch = Stopwatch()
        assert exchange(client, b"x") == b"x"
        assert watch.seconds < 0.29


def test_removing_a_connect_delay_dials_at_once(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("connect_delay", name="d", delay=60_000)
    with proxy.connect() as client:
        client.sendall(b"x")
        eventually(proxy.connections)
        assert echo.accepted == []
        proxy.remove("d")
        assert client.recv(1) == b"x"


def test_shared_bandwidth_is_shared_by_all_connections(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("shared_bandwidth", rate=100)
    data = os.urandom(20_000)
    with proxy.connect() as one, proxy.connect() as two:
        watch = Stopwatch()
        one.sendall(data)
        two.sendall(data)
        assert read_exactly(one, 20_000) == data
        first = watch.seconds
        assert read_exactly(two, 20_000) == data
        assert 0.38 <= watch.seconds < 0.4 + LATE_TOLERANCE_S
        assert first > 0.25  # the first was not served at the cost of the second


def test_time_limit_forwards_data_then_closes(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("time_limit", time=400)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert exchange(client, b"x") == b"x"
        assert wait_for_close(client) == "FIN"
        assert 0.38 <= watch.seconds < 0.4 + LATE_TOLERANCE_S


def test_time_limit_closes_even_if_the_receiver_does_not_read(
    embedded: Server, manual_upstream: Upstream
) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    proxy.add("time_limit", time=300)
    with proxy.connect():
        upstream_sock = manual_upstream.wait_for_client()
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            upstream_sock.sendall(bytes(64 << 20))


def test_corrupt_flips_bits_and_keeps_the_length(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("corrupt", name="c", probability=0.01)
    data = bytes(20_000)
    with proxy.connect() as client:
        got = exchange(client, data)
        flipped = [byte for byte in got if byte]
        assert 100 <= len(flipped) <= 320
        assert all(byte.bit_count() == 1 for byte in flipped)
        proxy.update("c", {"attributes": {"probability": 0}})
        assert exchange(client, data) == data
        proxy.update("c", {"attributes": {"probability": 1}})
        assert all(exchange(client, bytes(100)))


def test_reset_peer_resets_live_connections_too(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    with proxy.connect() as client:
        exchange(client, b"x")
        proxy.add("reset_peer", timeout=0)
        client.sendall(b"y")
        assert wait_for_close(client) == "RST"


def test_connections_not_affected_by_reset_peer_end_with_fin(
    embedded: Server, manual_upstream: Upstream
) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    proxy.add("reset_peer", timeout=0, toxicity=0)
    with proxy.connect() as client:
        manual_upstream.wait_for_client().close()
        assert wait_for_close(client) == "FIN"
