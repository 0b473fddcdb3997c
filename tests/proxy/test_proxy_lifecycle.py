"""Proxies on both servers: enable, disable, new addresses, delete, reset, ends of connections."""

import socket

import pytest
from proxy_kit import ProxyHandle, Server
from socket_kit import Upstream, exchange, read_to_end, refuses_connections, wait_for_close


def test_disabling_a_proxy_refuses_and_closes_connections_and_keeps_toxics(
    server: Server, echo: Upstream
) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("noop", name="kept")
    with proxy.connect() as client:
        exchange(client, b"x")
        assert proxy.change(enabled=False).json["enabled"] is False
        assert wait_for_close(client) == "FIN"
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    assert proxy.change(enabled=True).json["listen"] == proxy.listen
    assert [toxic["name"] for toxic in proxy.toxics()] == ["kept"]
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"


def test_deleting_a_proxy_closes_its_connections(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    with proxy.connect() as client:
        exchange(client, b"x")
        server.call("DELETE", proxy.path)
        assert wait_for_close(client) == "FIN"
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()


def test_a_new_upstream_closes_connections_and_keeps_toxics(
    server: Server, echo: Upstream, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    proxy.add("noop", name="kept")
    with proxy.connect() as client:
        manual_upstream.wait_for_client()
        proxy.change(upstream=f"127.0.0.1:{echo.port}")
        assert wait_for_close(client) == "FIN"
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"
    assert [toxic["name"] for toxic in proxy.toxics()] == ["kept"]


def test_a_new_listen_address_replaces_the_old_one_and_keeps_toxics(
    server: Server, echo: Upstream
) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("noop", name="kept")
    with proxy.connect() as client:
        exchange(client, b"x")
        moved = ProxyHandle(server, "p", proxy.change(listen="localhost:0").json["listen"])
        assert wait_for_close(client) == "FIN"
    assert moved.port != proxy.port
    assert refuses_connections(proxy.port)
    with moved.connect() as client:
        assert exchange(client, b"x") == b"x"
    assert [toxic["name"] for toxic in moved.toxics()] == ["kept"]


def test_an_upstream_that_refuses_closes_the_client_at_once(server: Server) -> None:
    proxy = server.proxy(1)
    with proxy.connect() as client:
        assert wait_for_close(client) == "FIN"


def test_an_invalid_upstream_address_closes_the_client(server: Server) -> None:
    with server.proxy("nonsense").connect() as client:
        assert wait_for_close(client) in {"FIN", "RST"}


def test_a_reset_by_one_side_reaches_the_other_as_fin(
    server: Server, manual_upstream: Upstream
) -> None:
    proxy = server.proxy(manual_upstream.port)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        upstream_sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        upstream_sock.close()
        assert wait_for_close(client) == "FIN"


def test_a_proxy_without_an_address_listens_on_both_families(
    server: Server, echo: Upstream
) -> None:
    body = {"name": "p", "listen": "", "upstream": f"localhost:{echo.port}"}
    listen = server.call("POST", "/proxies", body).json["listen"]
    port = int(listen.rpartition(":")[2])
    families = ["127.0.0.1", "::1"] if socket.has_dualstack_ipv6() else ["127.0.0.1"]
    for host in families:
        with socket.create_connection((host, port), timeout=20) as client:
            assert exchange(client, b"x") == b"x"


def test_there_is_no_half_close_by_default(server: Server, manual_upstream: Upstream) -> None:
    proxy = server.proxy(manual_upstream.port)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        client.sendall(b"request")
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(upstream_sock) == b"request"
        assert read_to_end(client) == b""


def test_reset_enables_everything_and_removes_every_toxic(server: Server, echo: Upstream) -> None:
    one, two = server.proxy(echo.port, "one"), server.proxy(echo.port, "two")
    two.add("latency", latency=1)
    two.change(enabled=False)
    with one.connect() as client:
        assert exchange(client, b"x") == b"x"
        one.add("timeout", timeout=0)
        answer = server.call("POST", "/reset", raw=b"whatever")
        assert (answer.status, answer.body) == (204, b"")
        assert wait_for_close(client) == "FIN"
    assert one.toxics() == two.toxics() == []
    for proxy in (one, two):
        with proxy.connect() as client:
            assert exchange(client, b"x") == b"x"


def test_reset_stops_at_a_proxy_that_cannot_start(server: Server) -> None:
    proxy = server.proxy("x")
    proxy.add("noop", name="kept")
    proxy.change(enabled=False)
    with socket.create_server(("127.0.0.1", proxy.port)):
        answer = server.call("POST", "/reset")
    error = f"listen tcp {proxy.listen}: bind: address already in use"
    assert (answer.status, answer.json) == (500, {"error": error, "status": 500})
    assert [toxic["name"] for toxic in proxy.toxics()] == ["kept"]


def test_reset_keeps_live_connections_of_other_toxics(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("latency", latency=10)
    with proxy.connect() as client:
        exchange(client, b"x")
        server.call("POST", "/reset")
        assert exchange(client, b"y") == b"y"
