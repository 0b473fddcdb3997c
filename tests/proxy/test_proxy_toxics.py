"""Each of Toxiproxy's toxics, on both servers: effect and timing.

Lower bounds of times are exact, because a delay cannot end early. Upper bounds are loose, because
other work may share the machine; `benchmarks/proxy` measures exact times.
"""

import os

import pytest
from proxy_kit import Server
from socket_kit import (
    EARLY_TOLERANCE_S,
    LATE_TOLERANCE_S,
    Stopwatch,
    Upstream,
    exchange,
    read_exactly,
    read_to_end,
    wait_for_close,
)


def test_without_toxics_every_byte_arrives(server: Server, echo: Upstream) -> None:
    data = os.urandom(3_000_000)
    with server.proxy(echo.port).connect() as client:
        assert exchange(client, b"x") == b"x"
        client.settimeout(0.02)
        got, sent = bytearray(), 0
        while len(got) < len(data):
            try:
                sent += client.send(data[sent : sent + 100_000]) if sent < len(data) else 0
                got += client.recv(1 << 20)
            except TimeoutError:
                pass
        assert bytes(got) == data


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_latency_delays_one_stream_once(server: Server, echo: Upstream, stream: str) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("latency", stream=stream, latency=200)
    with proxy.connect() as client:
        for _ in range(2):
            watch = Stopwatch()
            assert exchange(client, b"hello") == b"hello"
            watch.assert_took(0.2)


def test_latency_delays_a_pipeline_once_not_message_by_message(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("latency", stream="upstream", latency=300)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        watch = Stopwatch()
        for _ in range(20):
            client.sendall(b"12345")
        assert read_exactly(upstream_sock, 100) == b"12345" * 20
        watch.assert_took(0.3)
        assert watch.seconds < 20 * 0.3


def test_two_latencies_add_up(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("latency", name="a", latency=150)
    proxy.add("latency", name="b", latency=150)
    with proxy.connect() as client:
        watch = Stopwatch()
        exchange(client, b"x")
        watch.assert_took(0.3)


def test_jitter_spreads_around_the_latency(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("latency", latency=30, jitter=25)
    with proxy.connect() as client:
        times = []
        for _ in range(25):
            watch = Stopwatch()
            exchange(client, b"x")
            times.append(watch.seconds)
    assert min(times) >= 0.005 - EARLY_TOLERANCE_S
    assert min(times) < 0.027
    assert max(times) > 0.033


def test_jitter_lets_no_chunk_overtake_another(server: Server, manual_upstream: Upstream) -> None:
    proxy = server.proxy(manual_upstream.port)
    # More jitter than latency: about every second chunk has a delay of zero.
    proxy.add("latency", stream="upstream", latency=1, jitter=20)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        sent = b""
        for number in range(40):
            client.sendall(b"%02d" % number)
            sent += b"%02d" % number
        assert read_exactly(upstream_sock, len(sent)) == sent


def test_latency_does_not_delay_the_close_of_an_idle_connection(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("latency", latency=5000)
    with proxy.connect() as client:
        watch = Stopwatch()
        manual_upstream.wait_for_client().close()
        assert wait_for_close(client) == "FIN"
        assert watch.seconds < 4


def test_close_waits_for_chunks_that_latency_holds(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("latency", latency=200)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        watch = Stopwatch()
        upstream_sock.sendall(b"last bytes")
        upstream_sock.close()
        assert read_to_end(client) == b"last bytes"
        watch.assert_took(0.2)


def test_a_kilobyte_of_bandwidth_is_1000_bytes(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("bandwidth", rate=100)
    data = os.urandom(50_000)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert exchange(client, data) == data
        assert 0.45 <= watch.seconds <= 0.5 + LATE_TOLERANCE_S


def test_bandwidth_gives_no_credit_for_a_pause(server: Server, manual_upstream: Upstream) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("bandwidth", rate=10)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        upstream_sock.sendall(b"x")
        assert client.recv(1) == b"x"
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):  # this is the pause
            client.recv(1)
        client.settimeout(20)
        watch = Stopwatch()
        upstream_sock.sendall(bytes(3000))
        read_exactly(client, 3000)
        watch.assert_took(0.28)


def test_bandwidth_sends_slices_of_a_tenth_of_a_second(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("bandwidth", stream="upstream", rate=20)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        watch = Stopwatch()
        client.sendall(bytes(6000))
        first = len(upstream_sock.recv(10_000))
        watch.assert_took(0.1)
        assert first % 2000 == 0  # on a busy machine, slices may be received together
        read_exactly(upstream_sock, 6000 - first)
        watch.assert_took(0.3)


def test_bandwidth_applies_to_each_connection_separately(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("bandwidth", rate=50)
    data = bytes(20_000)
    with proxy.connect() as one, proxy.connect() as two:
        watch = Stopwatch()
        one.sendall(data)
        two.sendall(data)
        assert read_exactly(one, len(data)) == read_exactly(two, len(data)) == data
        assert 0.36 <= watch.seconds < 0.75 + LATE_TOLERANCE_S


def test_bandwidth_with_rate_0_lets_nothing_through(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("bandwidth", name="b", rate=0)
    with proxy.connect() as client:
        client.sendall(b"stuck")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        proxy.remove("b")
        client.settimeout(20)
        assert read_exactly(client, 5) == b"stuck"


def test_slow_close_forwards_data_and_delays_only_the_close(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("slow_close", delay=300)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        watch = Stopwatch()
        upstream_sock.sendall(b"bye")
        upstream_sock.close()
        assert client.recv(3) == b"bye"
        assert watch.seconds < 0.29
        assert wait_for_close(client) == "FIN"
        watch.assert_took(0.3)


def test_timeout_drops_data_and_closes_after_the_time(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("timeout", stream="upstream", timeout=300)
    with proxy.connect() as client:
        watch = Stopwatch()
        client.sendall(b"lost")
        assert read_to_end(client) == b""
        watch.assert_took(0.3)


def test_data_restarts_the_timeout(server: Server, manual_upstream: Upstream) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("timeout", timeout=1000)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        watch = Stopwatch()
        client.settimeout(0.5)
        for _ in range(3):
            upstream_sock.sendall(b"x")
            with pytest.raises(TimeoutError):
                client.recv(1)
        client.settimeout(20)
        assert wait_for_close(client) == "FIN"
        watch.assert_took(2.0)


def test_timeout_0_is_a_black_hole_until_it_is_removed(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("timeout", name="t", timeout=0)
    with proxy.connect() as client:
        client.sendall(b"lost")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(20)
        proxy.update("t", {"attributes": {"timeout": 0}})
        proxy.remove("t")
        assert read_to_end(client) == b""


def test_removing_a_timeout_also_closes_unaffected_connections(
    server: Server, echo: Upstream
) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("timeout", name="t", timeout=0, toxicity=0)
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"
        proxy.remove("t")
        assert wait_for_close(client) == "FIN"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_reset_peer_resets_both_sides_after_the_first_data(
    server: Server, manual_upstream: Upstream, stream: str
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("reset_peer", stream=stream, timeout=150)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        near = client if stream == "upstream" else upstream_sock
        other = upstream_sock if stream == "upstream" else client
        watch = Stopwatch()
        near.sendall(b"lost")
        with pytest.raises(ConnectionResetError):
            other.recv(1)
        watch.assert_took(0.15)
        assert wait_for_close(near) == "RST"


def test_reset_peer_resets_at_the_end_of_a_stream_without_data(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("reset_peer", timeout=150)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        watch = Stopwatch()
        upstream_sock.close()
        assert wait_for_close(client) == "RST"
        watch.assert_took(0.15)


def test_slicer_cuts_into_pieces_and_loses_nothing(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("slicer", stream="upstream", average_size=10, size_variation=0, delay=20_000)
    data = os.urandom(50)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        client.sendall(data)
        pieces: list[bytes] = []
        watch = Stopwatch()
        while sum(map(len, pieces)) < len(data):
            pieces.append(upstream_sock.recv(100))
        assert b"".join(pieces) == data
        watch.assert_took(0.14)
        # Halved until no longer than the average: 6, 6, 6, 7, 6, 6, 6, 7. On a busy machine,
        # pieces may be received together.
        assert len(pieces) >= 4
        assert max(map(len, pieces)) <= 26


def test_slicer_with_variation_loses_nothing(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("slicer", average_size=64, size_variation=32, delay=0)
    data = os.urandom(20_000)
    with proxy.connect() as client:
        assert exchange(client, data) == data


@pytest.mark.parametrize(("sent", "passed"), [(b"0123456789", 7), (b"0123456", 7), (b"0", 0)])
def test_limit_data_closes_on_reaching_the_limit(
    server: Server, manual_upstream: Upstream, sent: bytes, passed: int
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("limit_data", bytes=passed)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):  # open until data comes, even with a limit of 0
            client.recv(1)
        client.settimeout(20)
        upstream_sock.sendall(sent)
        assert read_to_end(client) == sent[:passed]


def test_limit_data_keeps_counting_over_an_update(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("limit_data", name="l", bytes=100)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        upstream_sock.sendall(b"x" * 60)
        assert len(read_exactly(client, 60)) == 60
        proxy.update("l", {"attributes": {"bytes": 70}})
        upstream_sock.sendall(b"y" * 60)
        assert read_to_end(client) == b"y" * 10


def test_limit_data_counts_from_when_it_was_added(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    with proxy.connect() as client:
        assert exchange(client, bytes(100)) == bytes(100)
        proxy.add("limit_data", bytes=5)
        client.sendall(b"0123456789")
        assert read_to_end(client) == b"01234"
