"""Populate: lists of proxies, sent to the API or read from a config file."""

import json
from pathlib import Path
from typing import Any

import proxy_kit
import pytest
from proxy_kit import Server
from socket_kit import Upstream, eventually, exchange, free_port, wait_for_close

ENTRY = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
WRONG = "bad request body: json: cannot unmarshal "
FAULTY = {
    "": "bad request body: EOF",
    "{": "bad request body: unexpected EOF",
    '{"a":1}': f"{WRONG}object into Go value of type []{ENTRY}",
    '"x"': f"{WRONG}string into Go value of type []{ENTRY}",
    "[5]": f"{WRONG}number into Go value of type {ENTRY}",
    '[{"name":5}]': f"{WRONG}number into Go struct field .Proxy.name of type string",
    '[{"enabled":"x"}]': f"{WRONG}string into Go struct field .enabled of type bool",
    "[null]": "missing required field: name at proxy 1",
    '[{"name":"a","upstream":"x","listen":"127.0.0.1:0"},{"name":"b"}]': (
        "missing required field: upstream at proxy 2"
    ),
}


@pytest.mark.parametrize("body", FAULTY)
def test_an_invalid_list_is_refused_before_any_proxy_is_created(server: Server, body: str) -> None:
    answer = server.call("POST", "/populate", raw=body.encode())
    assert answer.status == 400
    assert answer.json == {"error": FAULTY[body], "status": 400, "proxies": None}
    assert answer.headers["Content-Type"] == "application/json"
    assert not answer.body.endswith(b"\n")
    assert server.call("GET", "/proxies").json == {}


@pytest.mark.parametrize("body", ["[]", "null"])
def test_an_empty_list_creates_nothing(server: Server, body: str) -> None:
    answer = server.call("POST", "/populate", raw=body.encode())
    assert (answer.status, answer.text) == (201, '{"proxies":null}')


def test_a_list_creates_proxies_in_order(server: Server) -> None:
    wanted: list[dict[str, Any]] = [
        {"name": "z", "upstream": "x", "listen": "127.0.0.1:0"},
        {"name": "a", "upstream": "x", "listen": "localhost:7", "enabled": False},
        {"name": "n", "upstream": "x", "enabled": None},
    ]
    answer = server.call("POST", "/populate", wanted)
    shown = [(proxy["name"], proxy["enabled"]) for proxy in answer.json["proxies"]]
    assert (answer.status, shown) == (201, [("z", True), ("a", False), ("n", True)])
    assert answer.json["proxies"][1]["listen"] == "localhost:7"
    assert list(server.call("GET", "/proxies").json) == ["a", "n", "z"]


def test_populate_with_an_address_in_use_leaves_the_old_proxy_stopped_with_its_toxics(
    server: Server, echo: Upstream
) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("noop", name="kept")
    taken = f"127.0.0.1:{echo.port}"
    answer = server.call("POST", "/populate", [{"name": "p", "upstream": "x", "listen": taken}])
    assert answer.status == 500
    assert "address already in use" in answer.json["error"]
    shown = proxy.show()
    assert (shown["enabled"], shown["listen"]) == (False, proxy.listen)
    assert [toxic["name"] for toxic in shown["toxics"]] == ["kept"]


def test_populate_leaves_an_identical_proxy_unchanged(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("latency", name="kept", latency=1)
    same = {"name": "p", "upstream": f"127.0.0.1:{echo.port}", "listen": f"localhost:{proxy.port}"}
    with proxy.connect() as client:
        exchange(client, b"x")
        assert server.call("POST", "/populate", [same]).status == 201
        assert exchange(client, b"y") == b"y"
    assert [toxic["name"] for toxic in proxy.toxics()] == ["kept"]
    proxy.change(enabled=False)
    answer = server.call("POST", "/populate", [{**same, "enabled": True}])
    assert answer.json["proxies"][0]["enabled"] is False


def test_populate_replaces_a_proxy_that_differs(server: Server, echo: Upstream) -> None:
    proxy = server.proxy(echo.port)
    proxy.add("latency", name="lost", latency=1)
    other = {"name": "p", "upstream": "127.0.0.1:1", "listen": proxy.listen}
    with proxy.connect() as client:
        exchange(client, b"x")
        answer = server.call("POST", "/populate", [other])
        assert answer.json["proxies"][0]["upstream"] == "127.0.0.1:1"
        assert wait_for_close(client) == "FIN"
    assert proxy.toxics() == []


def test_populate_with_port_0_replaces_an_existing_proxy(server: Server) -> None:
    proxy = server.proxy("x")
    proxy.add("noop")
    again = {"name": "p", "upstream": "x", "listen": "127.0.0.1:0"}
    [made] = server.call("POST", "/populate", [again]).json["proxies"]
    assert made["listen"] != proxy.listen
    assert made["toxics"] == []


def test_populate_stops_at_a_port_in_use(server: Server) -> None:
    good = {"name": "a", "upstream": "x", "listen": "127.0.0.1:0"}
    busy = {"name": "b", "upstream": "x", "listen": f"127.0.0.1:{server.port}"}
    later = {"name": "c", "upstream": "x", "listen": f"127.0.0.1:{free_port()}"}
    answer = server.call("POST", "/populate", [good, busy, later])
    assert answer.status == 500
    assert answer.json["error"].endswith("bind: address already in use")
    assert [proxy["name"] for proxy in answer.json["proxies"]] == ["a"]
    assert list(server.call("GET", "/proxies").json) == ["a"]


def start(kind: str, config: Path, request: pytest.FixtureRequest) -> Server:
    if kind == "real":
        real = request.getfixturevalue("real_toxiproxy")
        return proxy_kit.start_real(real, "-config", str(config))
    return proxy_kit.start_embedded("-config", str(config))


@pytest.mark.parametrize("kind", ["embedded", "real"])
def test_a_config_file_is_a_list_to_populate(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config = tmp_path / "toxiproxy.json"
    config.write_text(json.dumps([{"name": "c", "upstream": "x", "listen": "127.0.0.1:0"}]))
    server = start(kind, config, request)
    try:
        assert eventually(lambda: server.call("GET", "/proxies").json, "the proxy")["c"]["enabled"]
    finally:
        server.stop()


def test_a_config_file_may_have_toxics(tmp_path: Path) -> None:
    config = tmp_path / "toxiproxy.json"
    late = {"type": "latency", "attributes": {"latency": 5}, "toxicity": 0.5, "expires_in": 60}
    entry = {"name": "c", "upstream": "x", "listen": "127.0.0.1:0"}
    config.write_text(json.dumps([{**entry, "toxics": [late], "half_close": True}]))
    server = proxy_kit.start_embedded("-config", str(config))
    try:
        shown = server.call("GET", "/proxies/c").json
        [toxic] = shown["toxics"]
        assert toxic.pop("expires_in") > 0
        assert toxic == {
            "attributes": {"latency": 5, "jitter": 0}, "name": "latency_downstream",
            "type": "latency", "stream": "downstream", "toxicity": 0.5,
        }  # fmt: skip
        assert shown["half_close"] is True
    finally:
        server.stop()


@pytest.mark.parametrize("kind", ["embedded", "real"])
@pytest.mark.parametrize("content", [None, "nonsense", '[{"name":"a"}]'])
def test_an_invalid_config_file_does_not_stop_the_server(
    kind: str, content: str | None, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config = tmp_path / "toxiproxy.json"
    if content is not None:
        config.write_text(content)
    server = start(kind, config, request)
    try:
        assert server.call("GET", "/proxies").json == {}
    finally:
        assert server.stop() == 0
