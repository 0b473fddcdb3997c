"""What Toxiproxy's users have asked for in vain; only the embedded server has it."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from proxy_kit import (
    ProxyHandle,
    Server,
    Stopwatch,
    Upstream,
    ended,
    eventually,
    exchange,
    read_exactly,
    read_to_end,
    start_embedded,
    upstream,
)

SLACK_S = 1.5
ORIGINAL = {
    "noop", "latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data",
    # Merged or proposed upstream after 2.12.0:
    "packet_loss", "slow_open", "limit_time", "down",
}  # fmt: skip


def test_new_names_do_not_collide_with_the_originals() -> None:
    toxics = Path(__file__).parents[2] / "harness" / "proxy" / "toxics"
    ours = {path.stem for path in toxics.glob("[!_]*.py")}
    new = {"stall", "connect_delay", "shared_bandwidth", "time_limit", "corrupt", "http"}
    assert ours - ORIGINAL == new


def test_a_stall_holds_everything_up_and_loses_nothing(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("stall", name="s", loss=0.2, delay=20)
    data = os.urandom(30_000)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert exchange(client, data) == data
        assert watch.seconds > 0.02
        proxy.update("s", {"attributes": {"loss": 0}})
        assert exchange(client, data) == data


def test_a_stall_of_certain_loss_doubles_its_timeout(embedded: Server, holding: Upstream) -> None:
    proxy = embedded.proxy(holding.port)
    proxy.add("stall", loss=1, delay=1)
    with proxy.connect() as client:
        watch = Stopwatch()
        holding.wait_for_client().sendall(b"x")
        assert client.recv(1) == b"x"
        assert 0.25 <= watch.seconds < 0.255 + SLACK_S  # 1 + 2 + 4 ... + 128 ms


def test_connect_delay_dials_later(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("connect_delay", delay=300)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert exchange(client, b"x") == b"x"
        assert 0.29 <= watch.seconds < 0.3 + SLACK_S
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


def test_shared_bandwidth_is_shared(embedded: Server, echo: Upstream) -> None:
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
        assert 0.38 <= watch.seconds < 0.4 + SLACK_S
        assert first > 0.25  # it did not go first at the cost of the other


def test_time_limit_passes_data_then_closes(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("time_limit", time=400)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert exchange(client, b"x") == b"x"
        assert ended(client) == "FIN"
        assert 0.38 <= watch.seconds < 0.4 + SLACK_S


def test_time_limit_closes_even_if_the_receiver_does_not_read(
    embedded: Server, holding: Upstream
) -> None:
    proxy = embedded.proxy(holding.port)
    proxy.add("time_limit", time=300)
    with proxy.connect():
        far = holding.wait_for_client()
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            far.sendall(bytes(64 << 20))


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


def serve_http(sock: socket.socket) -> None:
    """Answer each request with its own first line."""
    with sock, sock.makefile("rb") as file:
        while line := file.readline():
            length = 0
            while (header := file.readline()) not in {b"\r\n", b""}:
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            file.read(length)
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


def ask(client: socket.socket, *lines: bytes, body: bytes = b"") -> bytes:
    """Send a request, return the answer's head."""
    client.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    return read_head(client)


def read_head(client: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        assert byte, head
        head += byte
    return head


def test_http_changes_the_answers_of_matching_paths_only(web: ProxyHandle) -> None:
    web.add("http", path="/pay/*", status=503, headers={"Retry-After": "7", "content-length": ""})
    web.update("http_downstream", {"attributes": {"headers": {"Retry-After": "7"}}})
    with web.connect() as client:
        for _ in range(2):
            head = ask(client, b"GET /pay/1?x=y HTTP/1.1", b"Host: x")
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert b"Retry-After: 7\r\n" in head
            assert read_exactly(client, 23) == b"GET /pay/1?x=y HTTP/1.1"
            head = ask(client, b"GET /look HTTP/1.1", b"Host: x")
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


def test_http_delays_by_path(web: ProxyHandle) -> None:
    web.add("http", path="/slow", delay=300)
    with web.connect() as client:
        watch = Stopwatch()
        ask(client, b"GET /fast HTTP/1.1")
        assert watch.seconds < 0.29
        read_exactly(client, 18)
        watch = Stopwatch()
        ask(client, b"GET /slow HTTP/1.1")
        assert 0.29 <= watch.seconds < 0.3 + SLACK_S


def test_http_on_the_upstream_changes_requests(embedded: Server, holding: Upstream) -> None:
    proxy = embedded.proxy(holding.port)
    proxy.add("http", stream="upstream", path="/x", headers={"X-Extra": "1", "accept": ""})
    error = proxy.add("http", expect=400, stream="upstream", name="n", status=500).json["error"]
    assert "requests have none" in error
    with proxy.connect() as client:
        far = holding.wait_for_client()
        client.sendall(b"GET /x HTTP/1.1\r\nAccept: y\r\nHost: z\r\n\r\nGET /y HTTP/1.1\r\n\r\n")
        assert read_head(far) == b"GET /x HTTP/1.1\r\nHost: z\r\nX-Extra: 1\r\n\r\n"
        assert read_head(far) == b"GET /y HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_http_leaves_what_is_no_http_alone(embedded: Server, echo: Upstream, stream: str) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("http", stream=stream, headers={"X": "y"})
    with proxy.connect() as client:
        for data in (b"P", b"HELLO", b"GET key\r\n", b"\x16\x03\x01", b"HTTP", os.urandom(50_000)):
            assert exchange(client, data) == data


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"status": 99}, "status must be 0"),
        ({"status": 600}, "status must be 0"),
        ({"delay": -1}, "delay must be from 0"),
        ({"headers": {"a": "b\r\nc"}}, "headers must not contain line breaks"),
        ({"headers": {"a": 5}}, "cannot unmarshal number into Go struct field"),
    ],
)
def test_http_refuses_what_makes_no_sense(
    embedded: Server, attributes: dict[str, Any], sentence: str
) -> None:
    answer = embedded.proxy(1).add("http", expect=400, **attributes)
    assert sentence in answer.json["error"]


def test_populate_takes_toxics(embedded: Server, echo: Upstream) -> None:
    late = {"type": "latency", "name": "late", "attributes": {"latency": 1}}
    entry: dict[str, Any] = {
        "name": "p", "upstream": f"127.0.0.1:{echo.port}", "listen": "127.0.0.1:0",
        "toxics": [late, {"type": "noop", "stream": "upstream"}],
    }  # fmt: skip
    made = embedded.call("POST", "/populate", [entry]).json["proxies"][0]
    assert [toxic["name"] for toxic in made["toxics"]] == ["noop_upstream", "late"]
    entry["listen"] = made["listen"]
    with ProxyHandle(embedded, "p", made["listen"]).connect() as client:
        exchange(client, b"x")
        for toxics, left in (([late], ["late"]), ([], ["late"]), (None, ["late"]), (5, ["late"])):
            again = embedded.call("POST", "/populate", [{**entry, "toxics": toxics}])
            assert [toxic["name"] for toxic in again.json["proxies"][0]["toxics"]] == left
        assert exchange(client, b"y") == b"y"


@pytest.mark.parametrize(
    "toxics",
    [[{"type": "nope"}], [5], [{"type": "latency", "attributes": {"latency": "x"}}],
     [{"type": "noop"}, {"type": "noop"}]],
)  # fmt: skip
def test_populate_refuses_faulty_toxics_before_anything_is_made(
    embedded: Server, toxics: list[Any]
) -> None:
    entries = [{"name": "a", "upstream": "x"}, {"name": "b", "upstream": "x", "toxics": toxics}]
    assert embedded.call("POST", "/populate", entries).status == 400
    assert embedded.call("GET", "/proxies").json == {}


def test_connections_are_listed(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("noop", name="seen")
    proxy.add("noop", name="missed", toxicity=0)
    assert proxy.connections() == []
    with proxy.connect() as client:
        exchange(client, b"12345")
        [shown] = proxy.connections()
        host, port = client.getsockname()
        assert shown["client"] == f"{host}:{port}"
        assert (shown["id"], shown["state"]) == (1, "open")
        assert shown["age"] >= 0
        assert shown["streams"] == {
            "upstream": {"received_bytes": 5, "sent_bytes": 5, "blocked": False, "toxics": []},
            "downstream": {
                "received_bytes": 5, "sent_bytes": 5, "blocked": False, "toxics": ["seen"],
            },
        }  # fmt: skip
    eventually(lambda: proxy.connections() == [])
    assert embedded.call("GET", "/proxies/nope/connections").status == 404
    assert embedded.call("POST", f"{proxy.path}/connections").status == 405


def test_max_connections_closes_those_above_the_limit(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port, max_connections=2)
    assert proxy.show()["max_connections"] == 2
    with proxy.connect() as one, proxy.connect() as two:
        assert exchange(one, b"x") == exchange(two, b"x") == b"x"
        with proxy.connect() as three:
            assert ended(three) in {"FIN", "RST"}
        assert proxy.change(max_connections=3).status == 200
        with proxy.connect() as three:
            assert exchange(three, b"x") == b"x"
    eventually(lambda: proxy.connections() == [])
    with proxy.connect() as four:
        assert exchange(four, b"x") == b"x"
    assert "max_connections" not in proxy.change(max_connections=0).json
    assert proxy.change(max_connections=-1).status == 400


def test_half_close_lets_the_answer_through(embedded: Server, holding: Upstream) -> None:
    proxy = embedded.proxy(holding.port, half_close=True)
    assert proxy.show()["half_close"] is True
    with proxy.connect() as client:
        far = holding.wait_for_client()
        client.sendall(b"request")
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(far) == b"request"
        far.sendall(b"answer")
        assert read_exactly(client, 6) == b"answer"
        far.close()
        assert read_to_end(client) == b""
    eventually(lambda: proxy.connections() == [])


def test_a_lease_removes_a_toxic_whose_client_has_died(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    watch = Stopwatch()
    shown = proxy.add("timeout", name="leased", timeout=0, expires_in=0.4).json
    assert 0 < shown["expires_in"] <= 0.4
    with proxy.connect() as client:
        client.sendall(b"lost")
        assert ended(client) == "FIN"  # as when somebody removes it
    assert 0.39 <= watch.seconds < 0.4 + SLACK_S
    assert proxy.toxics() == []


def test_a_lease_can_be_renewed(embedded: Server) -> None:
    proxy = embedded.proxy(1)
    proxy.add("noop", name="leased", expires_in=0.3)
    watch = Stopwatch()
    assert proxy.update("leased", {"expires_in": 1.0}).json["expires_in"] > 0.9
    proxy.update("leased", {"toxicity": 0.5})
    eventually(lambda: proxy.toxics() == [])
    assert 0.99 <= watch.seconds < 1.0 + SLACK_S


def test_a_lease_ends_a_cut_whose_client_has_died(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    watch = Stopwatch()
    assert proxy.change(enabled=False, expires_in=60).json["expires_in"] > 59
    assert 0 < proxy.change(expires_in=0.4).json["expires_in"] <= 0.4
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    eventually(lambda: proxy.show()["enabled"])
    assert 0.39 <= watch.seconds < 0.4 + SLACK_S
    assert "expires_in" not in proxy.show()
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"
    error = proxy.change(expires_in=1).json["error"]
    assert "expires_in needs enabled to be false" in error


def test_a_lease_of_a_cut_ends_with_the_cut(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port, enabled=False, expires_in=60)
    assert proxy.show()["expires_in"] > 59
    assert "expires_in" not in proxy.change(enabled=True).json
    assert "expires_in" not in proxy.change(enabled=False).json


@pytest.mark.parametrize("seconds", [0, -1, 1e30])
def test_a_lease_that_makes_no_sense_is_refused(embedded: Server, seconds: float) -> None:
    error = embedded.proxy(1).add("noop", expect=400, expires_in=seconds).json["error"]
    assert "expires_in must be more than 0" in error


def test_reset_peer_resets_live_connections_too(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    with proxy.connect() as client:
        exchange(client, b"x")
        proxy.add("reset_peer", timeout=0)
        client.sendall(b"y")
        assert ended(client) == "RST"


def test_connections_that_reset_peer_does_not_hit_end_properly(
    embedded: Server, holding: Upstream
) -> None:
    proxy = embedded.proxy(holding.port)
    proxy.add("reset_peer", timeout=0, toxicity=0)
    with proxy.connect() as client:
        holding.wait_for_client().close()
        assert ended(client) == "FIN"


def test_a_name_with_a_slash_can_be_addressed(embedded: Server) -> None:
    proxy = embedded.proxy("x", name="a/b")
    proxy.add("noop", name="n")
    assert proxy.show()["name"] == "a/b"
    assert embedded.call("DELETE", "/proxies/a%2Fb").status == 204


def rolls(server: Server, port: int) -> tuple[list[bool], list[int]]:
    """Return which of 20 connections a toxicity of 0.5 hit, and the delays of 10 messages."""
    proxy = server.proxy(port, name="dice")
    proxy.add("limit_data", name="half", bytes=0, toxicity=0.5)
    hits = []
    for _ in range(20):
        with proxy.connect() as client:
            client.sendall(b"x")
            hits.append(client.recv(1) == b"")
    proxy.remove("half")
    proxy.add("latency", name="spread", latency=30, jitter=30)
    delays = []
    with proxy.connect() as client:
        for _ in range(10):
            watch = Stopwatch()
            exchange(client, b"x")
            delays.append(round(watch.seconds * 1000))
    return hits, delays


def test_the_same_seed_gives_the_same_rolls_and_jitter(echo: Upstream) -> None:
    outcomes = []
    for seed in ("42", "42", "43"):
        server = start_embedded("-seed", seed)
        try:
            assert server.first_line["seed"] == int(seed)
            outcomes.append(rolls(server, echo.port))
        finally:
            server.stop()
    (hits, delays), (same_hits, same_delays), (other_hits, other_delays) = outcomes
    assert hits == same_hits
    assert hits != other_hits
    # Delays are measured, so they differ by what a busy machine adds; the draws do not.
    close = sum(abs(a - b) <= 5 for a, b in zip(delays, same_delays, strict=True))
    assert close >= 7
    assert sum(abs(a - b) > 5 for a, b in zip(delays, other_delays, strict=True)) >= 3


def test_a_lease_of_years_does_not_stop_the_server(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("latency", latency=9_223_372_036_854, name="l", expires_in=1e9, toxicity=0)
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"
        proxy.update("l", {"toxicity": 1})
        client.sendall(b"y")
        proxy.remove("l")
        assert client.recv(1) == b"y"
