"""API calls are answered within 100 ms in situations that block or crash Toxiproxy.

Time in which server or test waited for a CPU is not counted. So the tests pass on a busy machine,
and a server that waits or computes for too long fails on any. Toxiproxy takes 25 s or never
answers in these situations; test_proxy_toxiproxy_defects shows it.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from proxy_kit import EMBEDDED, Server, call_promptly, start_without_log, with_few_descriptors
from socket_kit import (
    TIMEOUT_S,
    Upstream,
    black_hole,
    connect,
    eventually,
    read_exactly,
    refuses_connections,
    wait_for_close,
)

TOXICS: list[tuple[str, dict[str, Any]]] = [
    ("latency", {"latency": 1000}),
    ("bandwidth", {"rate": 1}),
    ("slicer", {"average_size": 100, "delay": 10}),
    ("limit_data", {"bytes": 10**12}),
    ("slow_close", {"delay": 1000}),
    ("stall", {"loss": 0.5}),
    ("shared_bandwidth", {"rate": 1}),
    ("corrupt", {"probability": 0.1}),
    ("http", {"path": "/x"}),
]


def fill(sock: socket.socket, data: bytes = bytes(1 << 16)) -> None:
    """Send until the socket takes no more bytes; if they are all dropped, at most 32 MiB."""
    sock.setblocking(False)
    sent = 0
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < 0.1 and sent < 32 << 20:
        try:
            sent += sock.send(data)
            idle_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    sock.settimeout(20)


@pytest.mark.parametrize(("type_name", "attributes"), TOXICS)
def test_a_receiver_that_does_not_read_delays_no_change(
    embedded: Server, manual_upstream: Upstream, type_name: str, attributes: dict[str, Any]
) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        fill(upstream_sock)
        toxic = {"name": "t", "type": type_name, "attributes": attributes}
        assert call_promptly(embedded, "POST", f"{proxy.path}/toxics", toxic).status == 200
        fill(upstream_sock)
        assert call_promptly(embedded, "GET", "/proxies").status == 200
        assert (
            call_promptly(embedded, "PATCH", f"{proxy.path}/toxics/t", {"toxicity": 1}).status
            == 200
        )
        assert call_promptly(embedded, "DELETE", f"{proxy.path}/toxics/t").status == 204
        client.close()
        assert call_promptly(embedded, "GET", "/proxies").status == 200
        eventually(lambda: not proxy.connections(), "the end of the connection")


def test_changes_while_a_receiver_does_not_read_lose_no_byte(
    embedded: Server, manual_upstream: Upstream
) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    data = os.urandom(8 << 20)
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        sender = threading.Thread(target=lambda: upstream_sock.sendall(data), daemon=True)
        sender.start()
        eventually(lambda: proxy.connections()[0]["streams"]["downstream"]["blocked"])
        for _ in range(3):
            proxy.add("latency", name="l", latency=3)
            proxy.add("slicer", name="s", average_size=9000, size_variation=1000)
            proxy.update("l", {"attributes": {"latency": 1}})
            proxy.remove("l")
            proxy.remove("s")
        assert read_exactly(client, len(data)) == data
        sender.join(20)


def test_a_black_holed_upstream_delays_neither_other_clients_nor_changes(embedded: Server) -> None:
    with black_hole() as port:
        proxy = embedded.proxy(port)
        clients = [proxy.connect() for _ in range(5)]
        eventually(lambda: len(proxy.connections()) == 5, "five connections")
        assert {connection["state"] for connection in proxy.connections()} == {"dialling"}
        toxic = {"type": "latency"}
        assert call_promptly(embedded, "POST", f"{proxy.path}/toxics", toxic).status == 200
        assert call_promptly(embedded, "GET", "/proxies").status == 200
        closed_client = clients.pop()
        closed_client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        closed_client.close()
        eventually(
            lambda: len(proxy.connections()) == 4, "the end of the dial for the closed client"
        )
        assert call_promptly(embedded, "PATCH", proxy.path, {"enabled": False}).status == 200
        for client in clients:
            assert wait_for_close(client) in {"FIN", "RST"}
            client.close()
        assert refuses_connections(proxy.port)
        assert call_promptly(embedded, "PATCH", proxy.path, {"enabled": True}).status == 200
        with proxy.connect():
            eventually(proxy.connections, "a connection")
            assert call_promptly(embedded, "POST", "/reset").status == 204
            assert call_promptly(embedded, "DELETE", proxy.path).status == 204


def test_a_client_that_resets_its_connection_leaves_no_connection_behind(
    embedded: Server, manual_upstream: Upstream
) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    for number, type_name in enumerate(("latency", "bandwidth", "timeout", "slow_close"), 1):
        proxy.add(type_name, name=type_name)
        client = proxy.connect()
        upstream_sock = manual_upstream.wait_for_client(number)
        fill(upstream_sock)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        assert call_promptly(embedded, "GET", "/proxies").status == 200
        upstream_sock.close()
        eventually(lambda: not proxy.connections(), f"the end of the connection under {type_name}")
        assert call_promptly(embedded, "DELETE", f"{proxy.path}/toxics/{type_name}").status == 204


def test_a_thousand_idle_connections_are_closed_before_the_call_returns(
    embedded: Server, manual_upstream: Upstream
) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    clients = [proxy.connect() for _ in range(1000)]
    try:
        manual_upstream.wait_for_client(1000)
        assert call_promptly(embedded, "PATCH", proxy.path, {"enabled": False}).status == 200
        for client in clients:
            client.setblocking(False)
            assert client.recv(1) == b""
        assert refuses_connections(proxy.port)
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("descriptors", [64, 65])  # odd and even, because one connection takes two
def test_many_clients_leave_descriptors_for_the_api(
    manual_upstream: Upstream, descriptors: int
) -> None:
    server = start_without_log("embedded", with_few_descriptors(descriptors, EMBEDDED))
    clients: list[socket.socket] = []
    try:
        proxy = server.proxy(manual_upstream.port)
        clients += [proxy.connect() for _ in range(60)]
        upstream_sock = manual_upstream.wait_for_client()
        for _ in range(2):
            assert call_promptly(server, "GET", "/proxies").status == 200
        # Bulk data is still forwarded, although no descriptors are left for a pipe.
        data = os.urandom(4 << 20)
        sender = threading.Thread(target=lambda: upstream_sock.sendall(data), daemon=True)
        sender.start()
        assert read_exactly(clients[0], len(data)) == data
        sender.join(TIMEOUT_S)
        busy = server.call("POST", "/proxies", {"name": "q", "upstream": "x:1"})
        assert busy.status == 201 or "too many open files" in busy.json["error"]
        assert call_promptly(server, "PATCH", proxy.path, {"enabled": False}).status == 200
        assert call_promptly(server, "PATCH", proxy.path, {"enabled": True}).status == 200
        accepted = len(manual_upstream.accepted)
        with proxy.connect():
            manual_upstream.wait_for_client(accepted + 1)
    finally:
        for client in clients:
            client.close()
        assert server.stop() == 0


def test_thousands_of_pipelined_requests_do_not_delay_other_clients(embedded: Server) -> None:
    for number in range(20):
        embedded.proxy(1, name=f"p{number}")
    with connect(embedded.port) as client:
        client.sendall(2000 * b"GET /proxies HTTP/1.1\r\nHost: x\r\n\r\n")
        reader = threading.Thread(target=read_answers, args=(client, 2000))
        reader.start()
        while reader.is_alive():
            assert call_promptly(embedded, "GET", "/version").status == 200
            reader.join(0.01)


def read_answers(sock: socket.socket, count: int) -> None:
    with sock.makefile("rb") as file:
        for _ in range(count):
            assert file.readline().startswith(b"HTTP/1.1 200")
            while (header := file.readline()) != b"\r\n":
                if header.startswith(b"Content-Length:"):
                    length = int(header.split(b":")[1])
            file.read(length)


def test_an_api_client_that_reads_no_responses_is_not_read_from(embedded: Server) -> None:
    embedded.proxy(1)
    request = b"GET /proxies HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(embedded.port) as client:
        fill(client, request * 1000)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.sendall(request * 1000)
        assert call_promptly(embedded, "GET", "/proxies").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"1," * 130_000 + b"x]",
        b"[" * 260_000,
        b'["' + b"a" * 260_000,
        b"[" + b",".join([b'{"name":"t","type":"noop"}'] * 9_000) + b"]",
    ],
    ids=["at its end", "too deep", "cut off", "no proxies"],
)
def test_a_long_invalid_body_is_refused_promptly(embedded: Server, body: bytes) -> None:
    answer = call_promptly(embedded, "POST", "/populate", raw=body)
    assert answer.status == 400


def test_a_body_that_is_too_long_is_refused(embedded: Server) -> None:
    with connect(embedded.port) as client:
        client.sendall(b"POST /populate HTTP/1.1\r\nContent-Length: 262145\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # the server may close before it has read all
            client.sendall(b" " * 262145)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_full_log_pipe_does_not_block_the_server() -> None:
    # The server's standard output is a pipe that is not read after the first line.
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.proxy", "-host", "127.0.0.1", "-port", "0"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    server = Server("embedded", process, first["host"], first["port"])
    try:
        server.proxy(1)
        for number in range(600):  # each writes a line of over 100 bytes; a pipe holds 64 KiB
            server.call("PATCH", "/proxies/p", {"enabled": bool(number % 2)})
        assert call_promptly(server, "GET", "/proxies").status == 200
    finally:
        assert server.stop() == 0
