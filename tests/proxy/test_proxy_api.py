"""The HTTP API, word by word: the same questions to both servers, the same answers."""

import json
import re
import socket
from typing import Any

import pytest
from proxy_kit import Server, connect, free_port, read_to_end

BAD = "bad request body: "
WRONG = BAD + "json: cannot unmarshal "
OF_TOXIC = "Go struct field ToxicWrapper."
OF_LATENCY = "Go struct field LatencyToxic.attributes.latency of type int64"

TOXIC_BODIES = {
    # What Go's decoder says of bodies that are no JSON, or not the JSON that it wants.
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
    # What the API says of JSON that makes no toxic, in the order in which it looks.
    "null": "invalid toxic type",
    "{}": "invalid toxic type",
    '{"type":"Latency"}': "invalid toxic type",
    '{"type":"nope","stream":"x"}': "stream was invalid, can be either upstream or downstream",
    '{"type":"latency","stream":""}': "stream was invalid, can be either upstream or downstream",
}


@pytest.mark.parametrize("body", TOXIC_BODIES)
def test_a_faulty_toxic_is_refused_in_the_same_words(server: Server, body: str) -> None:
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
def test_a_toxic_is_shown_byte_by_byte_as_the_original_shows_it(server: Server, body: str) -> None:
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
    # The name is looked at before the attributes are.
    assert (answer.status, answer.json["error"]) == (409, "toxic already exists")


def test_toxics_are_listed_upstream_first_each_in_order_of_creation(server: Server) -> None:
    proxy = server.proxy(1)
    for name, stream in (("d1", "downstream"), ("u1", "upstream"), ("d0", "downstream")):
        proxy.add("noop", name=name, stream=stream)
    assert [toxic["name"] for toxic in proxy.toxics()] == ["u1", "d1", "d0"]


def test_updating_a_toxic_changes_only_what_is_given(server: Server) -> None:
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
def test_a_faulty_update_of_a_toxic_is_refused_in_the_same_words(server: Server, body: str) -> None:
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
def test_a_faulty_proxy_is_refused_in_the_same_words(server: Server, body: str) -> None:
    server.proxy(1)
    answer = server.call("POST", "/proxies", raw=body.encode())
    status, error = PROXY_BODIES[body]
    assert (answer.status, answer.json) == (status, {"error": error, "status": status})
    assert list(server.call("GET", "/proxies").json) == ["p"]


def test_a_port_in_use_is_named_and_the_proxy_not_added(server: Server) -> None:
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
def test_a_started_proxy_shows_the_address_that_it_really_has(
    server: Server, asked: str, shown: str
) -> None:
    answer = server.call("POST", "/proxies", {"name": "a", "upstream": "x", "listen": asked})
    assert answer.status == 201
    assert re.fullmatch(shown, answer.json["listen"])
    assert not answer.json["listen"].endswith(":0")


def test_a_proxy_is_shown_byte_by_byte_as_the_original_shows_it(server: Server) -> None:
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
def test_updating_a_proxy_changes_only_what_is_given(
    server: Server, change: dict[str, Any], status: int, expected: dict[str, Any]
) -> None:
    proxy = server.proxy("x")
    before = proxy.show()
    assert server.call("PATCH", "/proxies/p", change).status == status
    assert proxy.show() == {**before, **expected}
    server.call("PATCH", "/proxies/p", {"enabled": True, "upstream": "x"})
    assert server.call("POST", "/proxies/p", change).status == status


def test_a_bad_new_address_is_told_without_a_prefix(server: Server) -> None:
    server.proxy("x")
    answer = server.call("PATCH", "/proxies/p", {"listen": "bad"})
    assert answer.json == {"error": "address bad: missing port in address", "status": 500}


def test_the_same_address_in_other_words_restarts_nothing(server: Server) -> None:
    proxy = server.proxy("x")
    answer = server.call("PATCH", "/proxies/p", {"listen": f"localhost:{proxy.port}"})
    assert (answer.status, answer.json["listen"]) == (200, f"127.0.0.1:{proxy.port}")


def test_moving_to_a_port_in_use_leaves_the_proxy_stopped(server: Server) -> None:
    proxy = server.proxy("x")
    answer = proxy.change(listen=f"127.0.0.1:{server.port}")
    assert answer.status == 500
    shown = proxy.show()
    assert (shown["enabled"], shown["listen"]) == (False, f"127.0.0.1:{server.port}")


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
def test_paths_and_methods_are_routed_alike(server: Server, method: str, path: str) -> None:
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
def test_what_is_not_there_is_answered_alike(server: Server, method: str, path: str) -> None:
    server.proxy(1)
    answer = server.call(method, path, raw=b"broken")
    assert answer.status == 404
    assert answer.text == f'{{"error":"{NOT_FOUND[method, path]} not found","status":404}}\n'
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch("[0-9a-v]{20}", answer.headers["X-Toxiproxy-Request-Id"])


def test_browsers_are_refused(server: Server) -> None:
    for agent, status in (("Mozilla/5.0", 403), ("mozilla/5.0", 200), ("", 200), ("x", 200)):
        answer = server.call("GET", "/proxies", headers={"User-Agent": agent})
        assert answer.status == status
    refused = server.call("POST", "/reset", headers={"User-Agent": "Mozilla/"})
    assert (refused.status, refused.text) == (403, "User agent not allowed\n")
    assert "X-Toxiproxy-Request-Id" in refused.headers
    assert server.call("GET", "/nope", headers={"User-Agent": "Mozilla/"}).status == 404


def test_the_version_reads_as_2_12(server: Server) -> None:
    answer = server.call("GET", "/version")
    assert answer.text == '{"version": "2.12.0"}\n'
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"


def test_the_content_type_of_a_request_does_not_matter(server: Server) -> None:
    for number, kind in enumerate(("text/plain", "application/x-www-form-urlencoded", "")):
        body = json.dumps({"name": f"n{number}", "upstream": "x", "enabled": False}).encode()
        assert server.call(
            "POST", "/proxies", raw=body, headers={"Content-Type": kind}
        ).status == 201  # fmt: skip


def test_deleting_answers_without_a_body(server: Server) -> None:
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


def test_a_request_that_is_no_http_is_refused(server: Server) -> None:
    with connect(server.port) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert read_to_end(sock).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_client_that_sends_half_a_request_holds_up_nobody(server: Server) -> None:
    with connect(server.port) as sock:
        sock.sendall(b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert server.call("GET", "/proxies", timeout=5).status == 200


def test_metrics_count_the_bytes_of_each_direction(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = server.proxy(listener.getsockname()[1], name="counted")
        with proxy.connect() as client:
            far, _ = listener.accept()
            with far:
                client.sendall(b"12345")
                assert far.recv(5) == b"12345"
                far.sendall(b"123")
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
        # The original counts when a connection has ended, and does not wait for that.
        for _ in range(400):
            answer = server.call("GET", "/metrics")
            if all(line in answer.text.splitlines() for line in wanted):
                break
        else:
            pytest.fail(f"{wanted} not in {answer.text}")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4; charset=utf-8")
    assert "# TYPE toxiproxy_proxy_received_bytes_total counter" in answer.text


def test_populating_a_port_in_use_stops_there(server: Server) -> None:
    good = {"name": "a", "upstream": "x", "listen": "127.0.0.1:0"}
    busy = {"name": "b", "upstream": "x", "listen": f"127.0.0.1:{server.port}"}
    later = {"name": "c", "upstream": "x", "listen": f"127.0.0.1:{free_port()}"}
    answer = server.call("POST", "/populate", [good, busy, later])
    assert answer.status == 500
    assert answer.json["error"].endswith("bind: address already in use")
    assert [proxy["name"] for proxy in answer.json["proxies"]] == ["a"]
    assert list(server.call("GET", "/proxies").json) == ["a"]
