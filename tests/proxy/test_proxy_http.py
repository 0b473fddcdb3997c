"""HTTP of the API on both servers: routes, headers, unusual requests, metrics."""

import json
import re
import socket
from typing import Any

import pytest
from proxy_kit import Answer, Server
from socket_kit import connect, eventually, read_to_end

GET_ROUTES = {
    ("GET", "/"): 404,
    ("GET", "/nope"): 404,
    ("GET", "/PROXIES"): 404,
    ("GET", "/proxies/"): 404,
    ("GET", "/version/"): 404,
    ("GET", "/proxies/p/toxics/"): 404,
    ("GET", "/proxies/p/toxic"): 404,
    ("PUT", "/proxies"): 405,
    ("HEAD", "/proxies"): 405,
    ("OPTIONS", "/proxies"): 405,
    ("DELETE", "/proxies"): 405,
    ("PATCH", "/proxies"): 405,
    ("GET", "/populate"): 405,
    ("GET", "/reset"): 405,
    ("POST", "/version"): 405,
    ("PUT", "/proxies/p"): 405,
    ("DELETE", "/proxies/p/toxics"): 405,
    ("GET", "//proxies"): 301,
    ("GET", "/proxies/../version"): 301,
    ("POST", "//reset"): 301,
    ("GET", "/proxies/p?x=1"): 200,
}


@pytest.mark.parametrize(("method", "path"), GET_ROUTES)
def test_both_servers_route_paths_and_methods_alike(server: Server, method: str, path: str) -> None:
    server.proxy(1)
    answer = server.call(method, path)
    assert answer.status == GET_ROUTES[method, path]
    if answer.status == 404:
        assert answer.text == "404 page not found\n"
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.status == 405:
        assert answer.body == b""
        assert "Allow" not in answer.headers
    if answer.status == 301:
        assert answer.headers["Location"] in {"/proxies", "/version", "/reset"}
    assert ("X-Toxiproxy-Request-Id" in answer.headers) == (answer.status == 200)


JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
A_PROXY = {"name": "a", "upstream": "x", "listen": "127.0.0.1:0"}
A_TOXIC = {"type": "noop", "name": "t"}

CONVERSATION: list[tuple[str, str, Any, int, str | None]] = [
    # Every route once, then each kind of error: status and Content-Type of the response.
    ("POST", "/proxies", A_PROXY, 201, JSON),
    ("GET", "/proxies", None, 200, JSON),
    ("GET", "/proxies/a", None, 200, JSON),
    ("POST", "/proxies/a", {}, 200, JSON),
    ("PATCH", "/proxies/a", {}, 200, JSON),
    ("POST", "/proxies/a/toxics", A_TOXIC, 200, JSON),
    ("GET", "/proxies/a/toxics", None, 200, JSON),
    ("GET", "/proxies/a/toxics/t", None, 200, JSON),
    ("POST", "/proxies/a/toxics/t", {}, 200, JSON),
    ("PATCH", "/proxies/a/toxics/t", {}, 200, JSON),
    ("POST", "/populate", [{**A_PROXY, "name": "b"}], 201, JSON),
    ("GET", "/version", None, 200, "application/json;charset=utf-8"),
    ("POST", "/proxies/a/toxics", A_TOXIC, 409, TEXT),
    ("POST", "/proxies/a/toxics", {"type": "nope"}, 400, TEXT),
    ("PATCH", "/proxies/a/toxics/t", [], 400, TEXT),
    ("POST", "/proxies", A_PROXY, 409, TEXT),
    ("POST", "/proxies", {}, 400, TEXT),
    ("POST", "/proxies", {**A_PROXY, "name": "c", "listen": "bad"}, 500, TEXT),
    ("PATCH", "/proxies/a", {"listen": "bad"}, 500, TEXT),
    ("POST", "/populate", [{}], 400, JSON),
    ("DELETE", "/proxies/a/toxics/t", None, 204, None),
    ("POST", "/reset", None, 204, None),
    ("DELETE", "/proxies/a", None, 204, None),
]


def test_every_route_and_kind_of_error_has_its_status_and_headers(server: Server) -> None:
    for method, path, body, status, content_type in CONVERSATION:
        answer = server.call(method, path, body)
        assert (answer.status, answer.headers.get("Content-Type")) == (status, content_type), path
        assert re.fullmatch("[0-9a-v]{20}", answer.headers["X-Toxiproxy-Request-Id"])
        failed_as_text = content_type == TEXT
        assert ("X-Content-Type-Options" in answer.headers) == failed_as_text
        assert answer.text.endswith("}\n") == (failed_as_text or path == "/version")
        assert not any(name.startswith("Access-Control") for name in answer.headers)


NOT_FOUND = {
    ("GET", "/proxies/nope"): "proxy",
    ("POST", "/proxies/nope"): "proxy",
    ("PATCH", "/proxies/nope"): "proxy",
    ("DELETE", "/proxies/nope"): "proxy",
    ("GET", "/proxies/nope/toxics"): "proxy",
    ("POST", "/proxies/nope/toxics"): "proxy",
    ("GET", "/proxies/p/toxics/nope"): "toxic",
    ("PATCH", "/proxies/p/toxics/nope"): "toxic",
    ("DELETE", "/proxies/p/toxics/nope"): "toxic",
    ("DELETE", "/proxies/nope/toxics/nope"): "proxy",
}


@pytest.mark.parametrize(("method", "path"), NOT_FOUND)
def test_both_servers_answer_404_alike(server: Server, method: str, path: str) -> None:
    server.proxy(1)
    answer = server.call(method, path, raw=b"broken")
    assert answer.status == 404
    assert answer.text == f'{{"error":"{NOT_FOUND[method, path]} not found","status":404}}\n'
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch("[0-9a-v]{20}", answer.headers["X-Toxiproxy-Request-Id"])


def test_requests_of_browsers_are_refused(server: Server) -> None:
    for agent, status in (("Mozilla/5.0", 403), ("mozilla/5.0", 200), ("", 200), ("x", 200)):
        answer = server.call("GET", "/proxies", headers={"User-Agent": agent})
        assert answer.status == status
    refused = server.call("POST", "/reset", headers={"User-Agent": "Mozilla/"})
    assert (refused.status, refused.text) == (403, "User agent not allowed\n")
    assert "X-Toxiproxy-Request-Id" in refused.headers
    assert server.call("GET", "/nope", headers={"User-Agent": "Mozilla/"}).status == 404


def test_the_version_is_2_12_0(server: Server) -> None:
    answer = server.call("GET", "/version")
    assert answer.text == '{"version": "2.12.0"}\n'
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"


def test_the_content_type_of_a_request_does_not_matter(server: Server) -> None:
    for number, kind in enumerate(("text/plain", "application/x-www-form-urlencoded", "")):
        body = json.dumps({"name": f"n{number}", "upstream": "x", "enabled": False}).encode()
        assert server.call(
            "POST", "/proxies", raw=body, headers={"Content-Type": kind}
        ).status == 201  # fmt: skip


def test_delete_responses_have_no_body(server: Server) -> None:
    proxy = server.proxy(1)
    proxy.add("noop", name="n")
    for path in ("/proxies/p/toxics/n", "/proxies/p"):
        answer = server.call("DELETE", path)
        assert (answer.status, answer.body) == (204, b"")
        assert "Content-Type" not in answer.headers
    assert server.call("GET", "/proxies").text == "{}"


def test_chunked_and_pipelined_requests_are_understood(server: Server) -> None:
    body = b'{"name":"c","upstream":"x","enabled":false}'
    with connect(server.port) as sock:
        sock.sendall(
            b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"1\r\n%c\r\n" % byte for byte in body)
            + b"0\r\n\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n"
            b"GET /proxies/c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answers = read_to_end(sock)
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", answers)
    assert statuses == [b"201", b"200", b"200"]


def test_bytes_that_are_not_http_are_refused(server: Server) -> None:
    with connect(server.port) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert read_to_end(sock).startswith(b"HTTP/1.1 400 Bad Request")


def test_an_incomplete_request_does_not_delay_other_clients(server: Server) -> None:
    with connect(server.port) as sock:
        sock.sendall(b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert server.call("GET", "/proxies", timeout=5).status == 200


def test_requests_before_an_invalid_one_are_answered_first(server: Server) -> None:
    with connect(server.port) as sock:
        sock.sendall(2 * b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n" + b"\x16\x03\x01\r\n\r\n")
        answers = read_to_end(sock)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answers) == [b"200", b"200", b"400"]


def metrics_with(server: Server, lines: list[str]) -> Answer | None:
    """Return the response of /metrics, which takes any method, if it contains these lines."""
    answer = server.call("PUT", "/metrics")
    assert server.call("GET", "/metrics").status == answer.status == 200
    return answer if all(line in answer.text.splitlines() for line in lines) else None


def test_metrics_count_the_bytes_of_each_direction(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = server.proxy(listener.getsockname()[1], name="counted")
        with proxy.connect() as client:
            upstream_sock, _ = listener.accept()
            with upstream_sock:
                client.sendall(b"12345")
                assert upstream_sock.recv(5) == b"12345"
                upstream_sock.sendall(b"123")
                assert client.recv(3) == b"123"
        labels = (
            f'listener="{proxy.listen}",proxy="counted",'
            f'upstream="127.0.0.1:{listener.getsockname()[1]}"'
        )
        wanted = [
            f'toxiproxy_proxy_received_bytes_total{{direction="upstream",{labels}}} 5',
            f'toxiproxy_proxy_sent_bytes_total{{direction="upstream",{labels}}} 5',
            f'toxiproxy_proxy_received_bytes_total{{direction="downstream",{labels}}} 3',
            f'toxiproxy_proxy_sent_bytes_total{{direction="downstream",{labels}}} 3',
        ]
        # Toxiproxy counts a connection when it has ended, so the counts may come later.
        answer = eventually(lambda: metrics_with(server, wanted), "the counts")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4; charset=utf-8")
    assert "# TYPE toxiproxy_proxy_received_bytes_total counter" in answer.text
