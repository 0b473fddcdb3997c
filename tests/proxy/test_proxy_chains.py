"""Several toxics, toxicity, and changes to live connections, on both servers."""

import pytest
from proxy_kit import Server
from socket_kit import (
    Stopwatch,
    Upstream,
    exchange,
    read_exactly,
    read_to_end,
)


def test_toxicity_0_never_applies_and_1_always_does(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("limit_data", name="never", bytes=0, toxicity=0)
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"
        proxy.update("never", {"toxicity": 1})
        client.sendall(b"y")
        assert read_to_end(client) == b""


def test_toxicity_is_decided_for_each_connection(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("limit_data", bytes=0, toxicity=0.5)
    hits = 0
    for _ in range(60):
        with proxy.connect() as client:
            client.sendall(b"xx")
            hits += read_exactly(client, 2) == b""
    assert 8 <= hits <= 52  # probability of a result outside: 1 in 100 million


def test_toxics_of_a_stream_apply_in_the_order_of_creation(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("limit_data", name="limit", bytes=10)
    proxy.add("latency", name="late", latency=300)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        watch = Stopwatch()
        upstream_sock.sendall(b"0123456789abc")
        # The limit ends the stream at once, but the bytes before it are still delivered, late.
        assert read_to_end(client) == b"0123456789"
        watch.assert_took(0.3)


def test_changes_apply_to_live_connections_at_once(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    with proxy.connect() as client:
        exchange(client, b"x")
        proxy.add("latency", name="l", latency=200)
        watch = Stopwatch()
        exchange(client, b"x")
        watch.assert_took(0.2)
        proxy.update("l", {"attributes": {"latency": 400}})
        watch = Stopwatch()
        exchange(client, b"x")
        watch.assert_took(0.4)
        proxy.remove("l")
        watch = Stopwatch()
        exchange(client, b"x")
        assert watch.seconds < 0.4


@pytest.mark.parametrize("change", ["remove", "update", "reset"])
def test_a_change_forwards_chunks_in_flight_at_once(
    server: Server, manual_upstream: Upstream, change: str
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("latency", name="l", latency=60_000)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        upstream_sock.sendall(b"in flight")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(20)
        if change == "remove":
            proxy.remove("l")
        elif change == "update":
            proxy.update("l", {"attributes": {"latency": 50_000}})
        else:
            server.call("POST", "/reset")
        assert read_exactly(client, 9) == b"in flight"
