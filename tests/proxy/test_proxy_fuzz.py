"""Fuzz the API with requests generated from the shipped OpenAPI document, and with broken JSON.

Every response must conform to the document, and the document must describe every route and toxic.
The broken JSON is sent to a real server too, and both must return the same error.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from proxy_kit import Response, Server, start_real
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import harness.proxy
from harness.proxy.toxics import TOXIC_TYPES

DOCUMENT = Path(harness.proxy.__file__).with_name("openapi.yaml")
LISTEN = ["127.0.0.1:0", "localhost:0", "[::1]:0", "", "127.0.0.1", "127.0.0.1:x", "[::1", "a]:0"]


def document() -> dict[str, Any]:
    """Return the OpenAPI document, with listen addresses restricted to those in `LISTEN`."""
    content: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    content["components"]["schemas"]["Address"]["enum"] = LISTEN
    return content


# It is not checked that every request which conforms to the document is accepted: 5.0 is an integer
# in JSON Schema, but not in Go. Nor is every 500 an internal error: an address in use returns one.
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(document())
SCHEMA.config.generation.update(modes=list(GenerationMode))


def stays_on_loopback(body: Any) -> bool:
    """Return True if no listen address in the body needs a name lookup or another interface."""
    if isinstance(body, list):
        return all(stays_on_loopback(entry) for entry in body)
    return not isinstance(body, dict) or body.get("listen", "") in LISTEN


OPERATIONS = [
    f"{method.upper()} {path}"
    for path, operations in document()["paths"].items()
    for method in operations
    if method != "parameters"
]


# SCHEMA.parametrize() is not used: it gives all tests one name, and xdist runs only one of those.
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_response_conforms_to_the_openapi_document(
    operation: str, shared_embedded: Server
) -> None:
    method, path = operation.split(" ")
    requests_sent = 0

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of([SCHEMA[path][method].as_strategy(generation_mode=m) for m in GenerationMode]))
    def send(case: schemathesis.Case[Any]) -> None:
        nonlocal requests_sent
        if not stays_on_loopback(case.body):
            return
        # Some of the requests should find an existing proxy and toxic.
        if "proxy" in case.path_parameters and len(case.path_parameters["proxy"]) % 2:
            case.path_parameters["proxy"] = "p"
            shared_embedded.call(
                "POST", "/proxies", {"name": "p", "upstream": "x", "listen": LISTEN[0]}
            )
            if "toxic" in case.path_parameters:
                case.path_parameters["toxic"] = "t"
                toxic = {"name": "t", "type": "latency"}
                shared_embedded.call("POST", "/proxies/p/toxics", toxic)
        case.call_and_validate(base_url=shared_embedded.url, timeout=20, checks=CHECKS)
        requests_sent += 1
        if len(shared_embedded.call("GET", "/proxies").json) > 30:
            shared_embedded.clear()

    send()
    assert requests_sent


def test_the_openapi_document_lists_every_toxic_and_attribute() -> None:
    schemas = document()["components"]["schemas"]
    assert sorted(schemas["Type"]["enum"]) == sorted(TOXIC_TYPES)
    attributes = {name for toxic in TOXIC_TYPES.values() for name in toxic.attributes}
    assert set(schemas["Attributes"]["properties"]) == attributes


def test_the_openapi_document_is_valid_and_lists_every_route(embedded: Server) -> None:
    paths = document()["paths"]
    SCHEMA.validate()
    for path, operations in paths.items():
        concrete = path.replace("{proxy}", "nope").replace("{toxic}", "nope")
        for method in ("get", "post", "patch", "delete", "put"):
            status = embedded.call(method.upper(), concrete).status
            if path != "/metrics":  # /metrics accepts any method
                assert (status != 405) == (method in operations), (method, path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["name", "type", "stream", "toxicity", "attributes", "latency", "jitter", "rate",
             "enabled", "upstream", "Logger", "toxics", "NAME", "bytes", "x"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
PATHS = ["/proxies", "/populate", "/proxies/p", "/proxies/p/toxics", "/proxies/p/toxics/t"]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Generate JSON, half of it broken by one change."""
    text = bytearray(json.dumps(draw(JSON), ensure_ascii=draw(st.booleans())).encode())
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            del text[at:]
        else:
            text[at : at + draw(st.integers(0, 1))] = draw(st.binary(max_size=2))
    return bytes(text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(PATHS), bodies())
def test_no_body_causes_an_internal_error(shared_embedded: Server, path: str, body: bytes) -> None:
    prepare(shared_embedded)
    method = "PATCH" if path.count("/") % 2 == 0 else "POST"
    response = shared_embedded.call(method, path, raw=body)
    assert response.status in {200, 201, 400, 409, 500}
    assert "internal error" not in response.text
    json.loads(response.text)


def prepare(server: Server) -> None:
    """Leave the server with one proxy, `p`, that has one toxic, `t`."""
    server.clear()
    server.call("POST", "/proxies", {"name": "p", "upstream": "x", "enabled": False})
    server.call("POST", "/proxies/p/toxics", {"name": "t", "type": "latency"})


@pytest.fixture(scope="module")
def separate_real_server(real_toxiproxy: str) -> Any:
    """Start a real server for this module alone."""
    server = start_real(real_toxiproxy)
    yield server
    server.stop()


FRAGMENTS = [
    b"tru",
    b"null",
    b"\\u12",
    b"1e",
    b"-",
    b"{",
    b"]",
    b'"',
    b",",
    b":",
    b"\xff",
    b"\0",
    b" ",
]


def test_malformed_json_is_rejected_with_the_same_error(
    shared_embedded: Server, separate_real_server: Server
) -> None:
    rng = random.Random(11)
    seeds = [
        b'{"name":"a","type":"latency","attributes":{"latency":5,"jitter":[1,2]},"toxicity":0.5}',
        b'{"type":"slicer","stream":"upstream","attributes":{"average_size":1.5e3},"x":[{},{"y":-0}]}',
        b'[{"name":"q","upstream":"x","enabled":false,"listen":"127.0.0.1:0"},{"name":7}]',
        b'{"enabled":tru,"listen":"\\u00e9\\n","upstream":null}',
    ]
    servers = (shared_embedded, separate_real_server)
    for server in servers:
        prepare(server)
    compared = 0
    for _ in range(400):
        body = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(body) + 1)
            body[at : at + rng.randrange(3)] = rng.choice(FRAGMENTS)
        path = rng.choice(PATHS)
        method = "PATCH" if path.count("/") % 2 == 0 else "POST"
        embedded, real = (server.call(method, path, raw=bytes(body)) for server in servers)
        same_status = embedded.status == real.status
        if real.status in {200, 201} or embedded.status in {200, 201}:
            assert same_status or differs_on_purpose(embedded), (path, bytes(body))
            for server in servers:
                prepare(server)
            continue
        same = same_status and embedded.body == real.body
        assert same or differs_on_purpose(embedded), (path, bytes(body))
        compared += 1
    assert compared > 200


def differs_on_purpose(embedded: Response) -> bool:
    """Return True if the embedded server rejects a value out of range that Toxiproxy accepts."""
    return embedded.status == 400 and " must be " in embedded.text
