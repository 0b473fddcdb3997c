"""The `http` toxic, which changes and delays HTTP/1.x messages by path."""

import os
import socket
from typing import Any

import pytest
from proxy_kit import ProxyHandle, Server
from socket_kit import LATE_TOLERANCE_S, Stopwatch, Upstream, exchange, read_exactly, upstream


def serve_http(sock: socket.socket) -> None:
    """Answer each request with its request line as the body."""
    with sock, sock.makefile("rb") as file:
        while line := file.readline():
            length = 0
            while (header := file.readline()) not in {b"\r\n", b""}:
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            file.read(length)
            if line.startswith((b"GET /204 ", b"GET /304 ")):
                status = line.split(b" ")[1].strip(b"/")
                sock.sendall(b"HTTP/1.1 %s -\r\nContent-Length: 99\r\n\r\n" % status)
                continue
            body = b"" if line.startswith(b"HEAD") else line.strip()
            if b"/chunked" in line:
                sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for part in (body[:5], body[5:]):
                    sock.sendall(b"%x\r\n%s\r\n" % (len(part), part))
                sock.sendall(b"0\r\n\r\n")
            else:
                size = len(line.strip())
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, body))


@pytest.fixture
def web(embedded: Server) -> Any:
    with upstream(serve_http) as server:
        yield embedded.proxy(server.port)


def request(client: socket.socket, *lines: bytes, body: bytes = b"") -> bytes:
    """Send a request; return the head of the response."""
    client.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    return read_head(client)


def read_head(client: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        assert byte, head
        head += byte
    return head


def test_http_changes_responses_of_matching_paths_only(web: ProxyHandle) -> None:
    web.add("http", path="/pay/*", status=503, headers={"Retry-After": "7", "content-length": ""})
    web.update("http_downstream", {"attributes": {"headers": {"Retry-After": "7"}}})
    with web.connect() as client:
        for _ in range(2):
            head = request(client, b"GET /pay/1?x=y HTTP/1.1", b"Host: x")
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert b"Retry-After: 7\r\n" in head
            assert read_exactly(client, 23) == b"GET /pay/1?x=y HTTP/1.1"
            head = request(client, b"GET /look HTTP/1.1", b"Host: x")
            assert head == b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n"
            assert read_exactly(client, 18) == b"GET /look HTTP/1.1"


def test_http_follows_bodies_pipelines_and_chunks(web: ProxyHandle) -> None:
    web.add("http", path="/b", method="POST", status=500)
    web.add("slicer", stream="downstream", average_size=7, size_variation=0, delay=100)
    with web.connect() as client:
        client.sendall(
            b"POST /b HTTP/1.1\r\nContent-Length: 29\r\n\r\nGET /b HTTP/1.1\r\nno request!!"
            b"GET /chunked HTTP/1.1\r\n\r\nHEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
            b"POST /b HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n"
        )
        assert read_head(client).startswith(b"HTTP/1.1 500 ")
        assert read_exactly(client, 16) == b"POST /b HTTP/1.1"
        assert read_head(client).startswith(b"HTTP/1.1 200 OK\r\nTransfer-Encoding")
        chunks = b"5\r\nGET /\r\n10\r\nchunked HTTP/1.1\r\n0\r\n\r\n"
        assert read_exactly(client, len(chunks)) == chunks
        assert read_head(client) == b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n"
        assert read_head(client).startswith(b"HTTP/1.1 200 OK")
        assert read_exactly(client, 15) == b"GET /b HTTP/1.1"
        assert read_head(client).startswith(b"HTTP/1.1 500 ")


def test_http_delimits_a_changed_response_that_has_no_body(web: ProxyHandle) -> None:
    web.add("http", path="/?04", status=503)
    with web.connect() as client:
        for path in (b"/204", b"/304"):
            head = request(client, b"GET %s HTTP/1.1" % path)
            assert head == b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        assert request(client, b"GET / HTTP/1.1").startswith(b"HTTP/1.1 200 OK")


def test_http_delays_by_path(web: ProxyHandle) -> None:
    web.add("http", path="/slow", delay=300)
    with web.connect() as client:
        watch = Stopwatch()
        request(client, b"GET /fast HTTP/1.1")
        assert watch.seconds < 0.29
        read_exactly(client, 18)
        watch = Stopwatch()
        request(client, b"GET /slow HTTP/1.1")
        assert 0.29 <= watch.seconds < 0.3 + LATE_TOLERANCE_S


def test_http_on_the_upstream_changes_requests(embedded: Server, manual_upstream: Upstream) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    proxy.add("http", stream="upstream", path="/x", headers={"X-Extra": "1", "accept": ""})
    error = proxy.add("http", expect=400, stream="upstream", name="n", status=500).json["error"]
    assert "requests have none" in error
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        client.sendall(b"GET /x HTTP/1.1\r\nAccept: y\r\nHost: z\r\n\r\nGET /y HTTP/1.1\r\n\r\n")
        assert read_head(upstream_sock) == b"GET /x HTTP/1.1\r\nHost: z\r\nX-Extra: 1\r\n\r\n"
        assert read_head(upstream_sock) == b"GET /y HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_http_leaves_other_protocols_unchanged(
    embedded: Server, echo: Upstream, stream: str
) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("http", stream=stream, headers={"X": "y"})
    with proxy.connect() as client:
        for data in (b"P", b"HELLO", b"GET key\r\n", b"\x16\x03\x01", b"HTTP", os.urandom(50_000)):
            assert exchange(client, data) == data


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"status": 99}, "status must be 0"),
        ({"status": 600}, "status must be 0"),
        ({"status": 204}, "status must not be 204"),
        ({"delay": -1}, "delay must be from 0"),
        ({"headers": {"a": "b\r\nc"}}, "headers must not contain line breaks"),
        ({"headers": {"a": 5}}, "cannot unmarshal number into Go struct field"),
    ],
)
def test_http_refuses_invalid_attributes(
    embedded: Server, attributes: dict[str, Any], message: str
) -> None:
    answer = embedded.proxy(1).add("http", expect=400, **attributes)
    assert message in answer.json["error"]
