"""API calls on proxies and toxics, with responses that are identical on both servers."""

import re
from typing import Any

import pytest
from proxy_kit import Server

BAD = "bad request body: "
WRONG = BAD + "json: cannot unmarshal "
OF_TOXIC = "Go struct field ToxicWrapper."
OF_LATENCY = "Go struct field LatencyToxic.attributes.latency of type int64"

TOXIC_BODIES = {
    # Errors of Go's decoder for bodies that are not valid JSON or have wrong types.
    "": BAD + "EOF",
    "  ": BAD + "EOF",
    "{": BAD + "unexpected EOF",
    '{"a"': BAD + "unexpected EOF",
    '{"type":"x': BAD + "unexpected EOF",
    "tru": BAD + "unexpected EOF",
    "nan": BAD + "invalid character 'a' in literal null (expecting 'u')",
    "trux": BAD + "invalid character 'x' in literal true (expecting 'e')",
    "{a:1}": BAD + "invalid character 'a' looking for beginning of object key string",
    "{'a':1}": BAD + r"invalid character '\'' looking for beginning of object key string",
    '{"a":1,}': BAD + "invalid character '}' looking for beginning of object key string",
    '{"a":1 "b":2}': BAD + "invalid character '\"' after object key:value pair",
    '{"a":1]': BAD + "invalid character ']' after object key:value pair",
    '{"a" 1}': BAD + "invalid character '1' after object key",
    "[1,]": BAD + "invalid character ']' looking for beginning of value",
    "[1 2]": BAD + "invalid character '2' after array element",
    '{"x":{"y":[1,{"z":tru}]}}': BAD + "invalid character '}' in literal true (expecting 'e')",
    '{"type":"a\nb"}': BAD + r"invalid character '\n' in string literal",
    '{"type":01}': BAD + "invalid character '1' after object key:value pair",
    '{"type":-}': BAD + "invalid character '}' in numeric literal",
    '{"type":1.}': BAD + "invalid character '}' after decimal point in numeric literal",
    '{"type":1e}': BAD + "invalid character '}' in exponent of numeric literal",
    "1.a": BAD + "invalid character 'a' after decimal point in numeric literal",
    r'{"type":"\q"}': BAD + "invalid character 'q' in string escape code",
    r'{"type":"\u12G4"}': BAD + r"invalid character 'G' in \u hexadecimal character escape",
    "é": BAD + "invalid character 'Ã' looking for beginning of value",
    '"x"': WRONG + "string into Go value of type toxics.ToxicWrapper",
    "5": WRONG + "number into Go value of type toxics.ToxicWrapper",
    "00": WRONG + "number into Go value of type toxics.ToxicWrapper",
    "[]": WRONG + "array into Go value of type toxics.ToxicWrapper",
    "true": WRONG + "bool into Go value of type toxics.ToxicWrapper",
    '{"name":1,"type":2}': WRONG + f"number into {OF_TOXIC}name of type string",
    '{"name":{}}': WRONG + f"object into {OF_TOXIC}name of type string",
    '{"stream":5}': WRONG + f"number into {OF_TOXIC}stream of type string",
    '{"toxicity":"x"}': WRONG + f"string into {OF_TOXIC}toxicity of type float32",
    '{"toxicity":1e39}': WRONG + f"number 1e39 into {OF_TOXIC}toxicity of type float32",
    '{"type":"latency","attributes":5}': WRONG
    + f"number into {OF_TOXIC}attributes of type toxics.NoopToxic",
    '{"type":"latency","attributes":{"latency":"x"}}': WRONG + f"string into {OF_LATENCY}",
    '{"type":"latency","attributes":{"latency":1.5}}': WRONG + f"number 1.5 into {OF_LATENCY}",
    '{"type":"latency","attributes":{"latency":1e3}}': WRONG + f"number 1e3 into {OF_LATENCY}",
    '{"type":"latency","attributes":{"latency":[1]}}': WRONG + f"array into {OF_LATENCY}",
    '{"type":"latency","attributes":{"latency":99999999999999999999}}': WRONG
    + f"number 99999999999999999999 into {OF_LATENCY}",
    '{"type":"slicer","attributes":{"average_size":"x"}}': WRONG
    + "string into Go struct field SlicerToxic.attributes.average_size of type int",
    '{"type":"reset_peer","attributes":{"timeout":true}}': WRONG
    + "bool into Go struct field ResetToxic.attributes.timeout of type int64",
    # Errors of the API for valid JSON that is not a valid toxic, in the order of its checks.
    "null": "invalid toxic type",
    "{}": "invalid toxic type",
    '{"type":"Latency"}': "invalid toxic type",
    '{"type":"nope","stream":"x"}': "stream was invalid, can be either upstream or downstream",
    '{"type":"latency","stream":""}': "stream was invalid, can be either upstream or downstream",
}


@pytest.mark.parametrize("body", TOXIC_BODIES)
def test_an_invalid_toxic_is_refused_with_the_same_message(server: Server, body: str) -> None:
    server.proxy(1)
    answer = server.call("POST", "/proxies/p/toxics", raw=body.encode())
    assert (answer.status, answer.json) == (400, {"error": TOXIC_BODIES[body], "status": 400})


ZERO = '"attributes":{"latency":0,"jitter":0}'
GOOD_TOXICS = {
    '{"type":"latency"}': (ZERO, "latency_downstream", "latency", "downstream", "1"),
    '{"type":"latency"} garbage': (ZERO, "latency_downstream", "latency", "downstream", "1"),
    '{"TYPE":"latency","Name":"ci","Toxicity":0.333333333}': (
        ZERO, "ci", "latency", "downstream", "0.33333334"),
    '{"type":"latency","toxicity":1e-7}': (
        ZERO, "latency_downstream", "latency", "downstream", "1e-7"),
    '{"type":"latency","toxicity":0.00001}': (
        ZERO, "latency_downstream", "latency", "downstream", "0.00001"),
    '{"type":"latency","name":"<&>é","toxicity":0}': (
        ZERO, r"\u003c\u0026\u003eé", "latency", "downstream", "0"),
    '{"type":"latency","name":"a","name":"b"}': (ZERO, "b", "latency", "downstream", "1"),
    '{"type":"latency","stream":"UpStream"}': (
        ZERO, "latency_UpStream", "latency", "UpStream", "1"),
    '{"type":"latency","stream":null,"name":null,"toxicity":null,"attributes":null,"z":1}': (
        ZERO, "latency_downstream", "latency", "downstream", "1"),
    '{"type":"latency","attributes":{"LATENCY":5,"jitter":null,"other":"x"}}': (
        '"attributes":{"latency":5,"jitter":0}', "latency_downstream", "latency", "downstream",
        "1"),
    '{"type":"noop","attributes":{"x":"y"}}': (
        '"attributes":{}', "noop_downstream", "noop", "downstream", "1"),
    '{"type":"bandwidth","attributes":{"rate":7}}': (
        '"attributes":{"rate":7}', "bandwidth_downstream", "bandwidth", "downstream", "1"),
    '{"type":"slow_close"}': (
        '"attributes":{"delay":0}', "slow_close_downstream", "slow_close", "downstream", "1"),
    '{"type":"timeout"}': (
        '"attributes":{"timeout":0}', "timeout_downstream", "timeout", "downstream", "1"),
    '{"type":"reset_peer"}': (
        '"attributes":{"timeout":0}', "reset_peer_downstream", "reset_peer", "downstream", "1"),
    '{"type":"limit_data"}': (
        '"attributes":{"bytes":0}', "limit_data_downstream", "limit_data", "downstream", "1"),
    '{"type":"slicer","attributes":{"average_size":3}}': (
        '"attributes":{"average_size":3,"size_variation":0,"delay":0}', "slicer_downstream",
        "slicer", "downstream", "1"),
}  # fmt: skip


@pytest.mark.parametrize("body", GOOD_TOXICS)
def test_the_json_of_a_toxic_is_identical_to_toxiproxys(server: Server, body: str) -> None:
    server.proxy(1)
    answer = server.call("POST", "/proxies/p/toxics", raw=body.encode())
    attributes, name, kind, stream, toxicity = GOOD_TOXICS[body]
    shown = (
        f'{{{attributes},"name":"{name}","type":"{kind}","stream":"{stream}",'
        f'"toxicity":{toxicity}}}'
    )
    assert (answer.status, answer.text) == (200, shown)
    assert answer.headers["Content-Type"] == "application/json"
    assert server.call("GET", "/proxies/p/toxics").text == f"[{shown}]"


def test_toxic_names_are_unique_across_both_streams(server: Server) -> None:
    proxy = server.proxy(1)
    proxy.add("latency", name="n")
    taken = {"type": "timeout", "name": "n", "stream": "upstream", "attributes": {"timeout": "x"}}
    answer = server.call("POST", "/proxies/p/toxics", taken)
    # The name is checked before the attributes.
    assert (answer.status, answer.json["error"]) == (409, "toxic already exists")


def test_toxics_are_listed_upstream_first_each_in_order_of_creation(server: Server) -> None:
    proxy = server.proxy(1)
    for name, stream in (("d1", "downstream"), ("u1", "upstream"), ("d0", "downstream")):
        proxy.add("noop", name=name, stream=stream)
    assert [toxic["name"] for toxic in proxy.toxics()] == ["u1", "d1", "d0"]


def test_updating_a_toxic_changes_only_given_fields(server: Server) -> None:
    proxy = server.proxy(1)
    proxy.add("latency", name="l", latency=5, jitter=7)
    change = {"attributes": {"jitter": 9}, "toxicity": 0.5, "name": "z", "type": "x", "stream": 5}
    shown = proxy.update("l", change).json
    assert shown == {
        "attributes": {"latency": 5, "jitter": 9}, "name": "l", "type": "latency",
        "stream": "downstream", "toxicity": 0.5,
    }  # fmt: skip
    assert server.call("POST", "/proxies/p/toxics/l", {}).json == shown
    assert server.call("PATCH", "/proxies/p/toxics/l", {"attributes": None}).json == shown
    assert server.call("GET", "/proxies/p/toxics/l").json == shown


TOXIC_UPDATES = {
    "": "EOF",
    "[]": 'json: cannot unmarshal array into Go value of type struct { Attributes interface {} '
    '"json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }',
    '{"toxicity":"x"}': "json: cannot unmarshal string into Go struct field .toxicity "
    "of type float32",
    '{"attributes":[]}': "json: cannot unmarshal array into Go struct field .attributes "
    "of type toxics.LatencyToxic",
    '{"attributes":{"latency":"x"}}': f"json: cannot unmarshal string into {OF_LATENCY}",
}  # fmt: skip


@pytest.mark.parametrize("body", TOXIC_UPDATES)
def test_an_invalid_toxic_update_is_refused_with_the_same_message(
    server: Server, body: str
) -> None:
    server.proxy(1).add("latency", name="l")
    answer = server.call("PATCH", "/proxies/p/toxics/l", raw=body.encode())
    assert (answer.status, answer.json["error"]) == (400, BAD + TOXIC_UPDATES[body])


PROXY_BODIES: dict[str, tuple[int, str]] = {
    "": (400, BAD + "EOF"),
    "[]": (400, WRONG + "array into Go value of type toxiproxy.Proxy"),
    '{"name":5}': (400, WRONG + "number into Go struct field Proxy.name of type string"),
    '{"name":"a","enabled":"x"}': (
        400, WRONG + "string into Go struct field Proxy.enabled of type bool"),
    '{"Logger":5}': (
        400, WRONG + "number into Go struct field Proxy.Logger of type zerolog.Logger"),
    "null": (400, "missing required field: name"),
    '{"name":""}': (400, "missing required field: name"),
    '{"name":"a"}': (400, "missing required field: upstream"),
    '{"name":"p","upstream":"x","listen":"bad"}': (409, "proxy already exists"),
    '{"name":"a","upstream":"x","listen":"bad"}': (
        500, "listen tcp: address bad: missing port in address"),
    '{"name":"a","upstream":"x","listen":"127.0.0.1:99999"}': (
        500, "listen tcp: address 99999: invalid port"),
    '{"name":"a","upstream":"x","listen":"127.0.0.1:-1"}': (
        500, "listen tcp: address -1: invalid port"),
    '{"name":"a","upstream":"x","listen":"127.0.0.1:foo"}': (
        500, "listen tcp: lookup tcp/foo: unknown port"),
    '{"name":"a","upstream":"x","listen":"::1:0"}': (
        500, "listen tcp: address ::1:0: too many colons in address"),
    '{"name":"a","upstream":"x","listen":"[::1]"}': (
        500, "listen tcp: address [::1]: missing port in address"),
    '{"name":"a","upstream":"x","listen":"[::1"}': (
        500, "listen tcp: address [::1: missing ']' in address"),
    '{"name":"a","upstream":"x","listen":"x]:0"}': (
        500, "listen tcp: address x]:0: unexpected ']' in address"),
    '{"name":"a","upstream":"x","listen":"1.2.3.4:0"}': (
        500, "listen tcp 1.2.3.4:0: bind: cannot assign requested address"),
}  # fmt: skip


@pytest.mark.parametrize("body", PROXY_BODIES)
def test_an_invalid_proxy_is_refused_with_the_same_message(server: Server, body: str) -> None:
    server.proxy(1)
    answer = server.call("POST", "/proxies", raw=body.encode())
    status, error = PROXY_BODIES[body]
    assert (answer.status, answer.json) == (status, {"error": error, "status": status})
    assert list(server.call("GET", "/proxies").json) == ["p"]


def test_a_port_in_use_is_reported_and_the_proxy_not_added(server: Server) -> None:
    body = {"name": "a", "upstream": "x", "listen": f"127.0.0.1:{server.port}"}
    answer = server.call("POST", "/proxies", body)
    error = f"listen tcp 127.0.0.1:{server.port}: bind: address already in use"
    assert (answer.status, answer.json) == (500, {"error": error, "status": 500})
    assert server.call("GET", "/proxies").json == {}


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("127.0.0.1:0", r"127\.0\.0\.1:\d+"),
        ("127.0.0.1:", r"127\.0\.0\.1:\d+"),
        ("localhost:0", r"127\.0\.0\.1:\d+"),
        ("", r"\[::\]:\d+"),
        (":0", r"\[::\]:\d+"),
        ("0.0.0.0:0", r"\[::\]:\d+"),
        ("[::1]:0", r"\[::1\]:\d+"),
        ("[::1%lo]:0", r"\[::1\]:\d+"),
        ("[::ffff:127.0.0.1]:0", r"127\.0\.0\.1:\d+"),
    ],
)
def test_a_started_proxy_shows_its_actual_address(server: Server, asked: str, shown: str) -> None:
    answer = server.call("POST", "/proxies", {"name": "a", "upstream": "x", "listen": asked})
    assert answer.status == 201
    assert re.fullmatch(shown, answer.json["listen"])
    assert not answer.json["listen"].endswith(":0")


def test_the_json_of_a_proxy_is_identical_to_toxiproxys(server: Server) -> None:
    body = {"name": "z", "upstream": "x", "listen": "localhost:1", "enabled": False}
    shown = (
        '{"name":"z","listen":"localhost:1","upstream":"x","enabled":false,"Logger":{},"toxics":[]}'
    )
    created = server.call("POST", "/proxies", body)
    assert (created.status, created.text) == (201, shown)
    assert server.call("GET", "/proxies/z").text == shown
    server.call("POST", "/proxies", {**body, "name": "a b"})
    assert server.call("GET", "/proxies/a%20b").json["name"] == "a b"
    second = shown.replace('"z"', '"a b"')
    assert server.call("GET", "/proxies").text == f'{{"a b":{second},"z":{shown}}}'


def test_a_proxy_body_is_decoded_as_leniently_as_by_toxiproxy(server: Server) -> None:
    body = b'{"NAME":"a","upStream":"x","listen":null,"enabled":false,"z":[1],"Logger":{}} garbage'
    answer = server.call("POST", "/proxies", raw=body)
    assert answer.status == 201
    assert answer.json == {
        "name": "a", "listen": "", "upstream": "x", "enabled": False, "Logger": {}, "toxics": [],
    }  # fmt: skip


def test_a_disabled_proxy_keeps_its_address_as_given_until_it_starts(server: Server) -> None:
    body = {"name": "p", "upstream": "x", "listen": "localhost:0", "enabled": False}
    assert server.call("POST", "/proxies", body).json["listen"] == "localhost:0"
    started = server.call("PATCH", "/proxies/p", {"enabled": True}).json["listen"]
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", started)
    assert server.call("PATCH", "/proxies/p", {"enabled": False}).json["listen"] == started


UPDATES: list[tuple[dict[str, Any], int, dict[str, Any]]] = [
    ({}, 200, {}),
    ({"name": "other"}, 200, {}),
    ({"enabled": None}, 200, {}),
    ({"upstream": ""}, 200, {"upstream": ""}),
    ({"upstream": "y"}, 200, {"upstream": "y"}),
    ({"enabled": False}, 200, {"enabled": False}),
    ({"listen": "bad"}, 500, {}),
    ({"listen": 5}, 400, {}),
]


@pytest.mark.parametrize(("change", "status", "expected"), UPDATES)
def test_updating_a_proxy_changes_only_given_fields(
    server: Server, change: dict[str, Any], status: int, expected: dict[str, Any]
) -> None:
    proxy = server.proxy("x")
    before = proxy.show()
    assert server.call("PATCH", "/proxies/p", change).status == status
    assert proxy.show() == {**before, **expected}
    server.call("PATCH", "/proxies/p", {"enabled": True, "upstream": "x"})
    assert server.call("POST", "/proxies/p", change).status == status


def test_an_invalid_new_address_is_reported_without_a_prefix(server: Server) -> None:
    server.proxy("x")
    answer = server.call("PATCH", "/proxies/p", {"listen": "bad"})
    assert answer.json == {"error": "address bad: missing port in address", "status": 500}


def test_an_equivalent_listen_address_does_not_restart_the_proxy(server: Server) -> None:
    proxy = server.proxy("x")
    answer = server.call("PATCH", "/proxies/p", {"listen": f"localhost:{proxy.port}"})
    assert (answer.status, answer.json["listen"]) == (200, f"127.0.0.1:{proxy.port}")


def test_a_new_listen_address_in_use_leaves_the_proxy_stopped(server: Server) -> None:
    proxy = server.proxy("x")
    answer = proxy.change(listen=f"127.0.0.1:{server.port}")
    assert answer.status == 500
    shown = proxy.show()
    assert (shown["enabled"], shown["listen"]) == (False, f"127.0.0.1:{server.port}")
