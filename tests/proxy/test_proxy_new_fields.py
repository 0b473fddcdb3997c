"""Extensions of the embedded server: leases, limits, list of connections, seed."""

import socket
from typing import Any

import pytest
from link_rig import Rig
from proxy_kit import ProxyHandle, Server, start_embedded
from socket_kit import (
    LATE_TOLERANCE_S,
    Stopwatch,
    Upstream,
    eventually,
    exchange,
    read_exactly,
    read_to_end,
    wait_for_close,
)


def test_populate_accepts_toxics(embedded: Server, echo: Upstream) -> None:
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
def test_populate_refuses_invalid_toxics_before_any_proxy_is_created(
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
            assert wait_for_close(three) in {"FIN", "RST"}
        assert proxy.change(max_connections=3).status == 200
        with proxy.connect() as three:
            assert exchange(three, b"x") == b"x"
    eventually(lambda: proxy.connections() == [])
    with proxy.connect() as four:
        assert exchange(four, b"x") == b"x"
    assert "max_connections" not in proxy.change(max_connections=0).json
    assert proxy.change(max_connections=-1).status == 400


def test_half_close_lets_the_response_through(embedded: Server, manual_upstream: Upstream) -> None:
    proxy = embedded.proxy(manual_upstream.port, half_close=True)
    assert proxy.show()["half_close"] is True
    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        client.sendall(b"request")
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(upstream_sock) == b"request"
        upstream_sock.sendall(b"answer")
        assert read_exactly(client, 6) == b"answer"
        upstream_sock.close()
        assert read_to_end(client) == b""
    eventually(lambda: proxy.connections() == [])


def test_an_expired_lease_removes_its_toxic(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    watch = Stopwatch()
    shown = proxy.add("timeout", name="leased", timeout=0, expires_in=0.4).json
    assert 0 < shown["expires_in"] <= 0.4
    with proxy.connect() as client:
        client.sendall(b"lost")
        assert wait_for_close(client) == "FIN"  # as if the toxic had been removed by a call
    assert 0.39 <= watch.seconds < 0.4 + LATE_TOLERANCE_S
    assert proxy.toxics() == []


def test_a_lease_can_be_renewed(embedded: Server) -> None:
    proxy = embedded.proxy(1)
    proxy.add("noop", name="leased", expires_in=0.3)
    watch = Stopwatch()
    assert proxy.update("leased", {"expires_in": 1.0}).json["expires_in"] > 0.9
    proxy.update("leased", {"toxicity": 0.5})
    eventually(lambda: proxy.toxics() == [])
    assert 0.99 <= watch.seconds < 1.0 + LATE_TOLERANCE_S


def test_an_expired_lease_enables_a_disabled_proxy(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    watch = Stopwatch()
    assert proxy.change(enabled=False, expires_in=60).json["expires_in"] > 59
    assert 0 < proxy.change(expires_in=0.4).json["expires_in"] <= 0.4
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    eventually(lambda: proxy.show()["enabled"])
    assert 0.39 <= watch.seconds < 0.4 + LATE_TOLERANCE_S
    assert "expires_in" not in proxy.show()
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"
    error = proxy.change(expires_in=1).json["error"]
    assert "expires_in needs enabled to be false" in error


def test_an_expired_lease_enables_the_proxy_once_its_port_is_free(
    embedded: Server, echo: Upstream
) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.change(enabled=False)
    with socket.create_server(("127.0.0.1", proxy.port)):
        proxy.change(expires_in=0.01)
        # A lease longer than the requested one shows that the first attempt has failed.
        eventually(lambda: proxy.show()["expires_in"] > 0.1, "the next attempt")
        assert not proxy.show()["enabled"]
    eventually(lambda: proxy.show()["enabled"], "the enabled proxy")
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"


def test_enabling_a_proxy_cancels_its_lease(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port, enabled=False, expires_in=60)
    assert proxy.show()["expires_in"] > 59
    assert "expires_in" not in proxy.change(enabled=True).json
    assert "expires_in" not in proxy.change(enabled=False).json


@pytest.mark.parametrize("seconds", [0, -1, 1e30])
def test_an_invalid_lease_is_refused(embedded: Server, seconds: float) -> None:
    error = embedded.proxy(1).add("noop", expect=400, expires_in=seconds).json["error"]
    assert "expires_in must be more than 0" in error


def test_a_proxy_name_with_a_slash_can_be_addressed(embedded: Server) -> None:
    proxy = embedded.proxy("x", name="a/b")
    proxy.add("noop", name="n")
    assert proxy.show()["name"] == "a/b"
    assert embedded.call("DELETE", "/proxies/a%2Fb").status == 204


def random_outcomes(server: Server, port: int) -> tuple[list[bool], bytes]:
    """Return which connections a toxicity of 0.5 affected, and zeros changed by `corrupt`."""
    proxy = server.proxy(port, name="dice")
    proxy.add("limit_data", name="half", bytes=0, toxicity=0.5)
    hits = []
    for _ in range(20):
        with proxy.connect() as client:
            client.sendall(b"x")
            hits.append(client.recv(1) == b"")
    proxy.remove("half")
    proxy.add("corrupt", name="bits", probability=0.05)
    with proxy.connect() as client:
        return hits, exchange(client, bytes(500))


def test_the_same_seed_affects_the_same_connections_and_bits(echo: Upstream) -> None:
    outcomes = []
    for seed in ("42", "42", "43"):
        server = start_embedded("-seed", seed)
        try:
            assert server.first_line["seed"] == int(seed)
            outcomes.append(random_outcomes(server, echo.port))
        finally:
            server.stop()
    (hits, bits), same, (others, noise) = outcomes
    assert (hits, bits) == same
    assert hits != others
    assert bits != noise


def jitter(seed: str) -> list[float]:
    """Return the delays of twenty chunks, sent one after the other, on a fake clock."""
    rig = Rig()
    rig.sink.sock.room = 1 << 20
    rig.add("latency", seed=seed, latency=40, jitter=40)
    delays: list[float] = []
    for _ in range(20):
        sent_at = rig.loop.now
        rig.send(b"x")
        while len(rig.sink.sock.outbox) <= len(delays):
            rig.loop.advance(0.001)
        delays.append(round(rig.loop.now - sent_at, 3))
    return delays


def test_the_same_seed_gives_the_same_jitter() -> None:
    delays = jitter("42")
    assert jitter("42") == delays
    assert jitter("43") != delays
    assert min(delays) < 0.02
    assert max(delays) > 0.06


def test_a_lease_of_years_is_accepted(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port)
    proxy.add("latency", latency=9_223_372_036_854, name="l", expires_in=1e9, toxicity=0)
    with proxy.connect() as client:
        assert exchange(client, b"x") == b"x"
        proxy.update("l", {"toxicity": 1})
        client.sendall(b"y")
        proxy.remove("l")
        assert client.recv(1) == b"y"
