"""The pitfalls of toxiproxy-python 0.1.1 (notes/toxiproxy.md section 4) are avoided."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import toxiproxy as package
from toxiproxy.api import APIConsumer

from harness.chaos import ChaosError, Toxiproxy
from harness.chaos._api_client import GivenUpError, RejectedError
from harness.chaos._toxic import Toxic
from harness.errors import StackError
from harness.stack import GoneError

from .fake_stack import FakeStack
from .hung_server import hung_server

LATENCY = Toxic("latency", "downstream", {"latency": 1, "jitter": 0})


class CannedServer:
    """An HTTP server that gives the same response to every request."""

    def __init__(self, status: int, body: str, content_type: str = "application/json") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_GET  # noqa: N815 - http.server's names
            do_DELETE = do_GET  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.socket.close()


@pytest.fixture
def canned() -> Iterator[Callable[..., CannedServer]]:
    """Yield a function that starts a `CannedServer`."""
    servers: list[CannedServer] = []

    def make(status: int, body: str, content_type: str = "application/json") -> CannedServer:
        servers.append(CannedServer(status, body, content_type))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def test_clients_of_two_servers_do_not_interfere_in_threads(
    canned: Callable[..., CannedServer],
) -> None:
    one, two = canned(200, '{"version": "1.1.1"}'), canned(200, '{"version": "2.2.2"}')
    clients = {"1.1.1": Toxiproxy(one.address), "2.2.2": Toxiproxy(two.address)}
    with ThreadPoolExecutor(8) as pool:
        futures = [
            (version, pool.submit(clients[version].version))
            for _ in range(20)
            for version in clients
        ]
        assert all(version == future.result() for version, future in futures)
    for client in clients.values():
        client.close()


def test_a_users_own_use_of_the_package_is_not_affected(stack: FakeStack) -> None:
    before = (APIConsumer.host, APIConsumer.port)
    stack.toxics.proxies()
    assert (APIConsumer.host, APIConsumer.port) == before
    assert package.server.APIConsumer is APIConsumer
    assert package.proxy.APIConsumer is APIConsumer


def test_a_request_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        client = Toxiproxy(f"127.0.0.1:{hung.getsockname()[1]}", timeout=0.2)
        start = time.monotonic()
        with pytest.raises(StackError, match=r"GET /proxies: no answer within 0.2 s.*restart"):
            client.proxies()
        assert time.monotonic() - start < 5
        client.close()


def test_a_refused_connection_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(GoneError, match=r"cannot be reached \(Connection refused\); is the stack"):
        Toxiproxy(f"127.0.0.1:{port}").version()


def test_an_ipv6_address_does_not_raise_gaierror() -> None:
    with pytest.raises(StackError, match=r"toxiproxy \[::1\]:1: .*cannot be reached"):
        Toxiproxy("[::1]:1").version()


@pytest.mark.parametrize("address", ["", "localhost", ":8474", "host:", "host:port"])
def test_an_address_without_host_or_port_is_rejected(address: str) -> None:
    with pytest.raises(ChaosError, match=r"is not host:port"):
        Toxiproxy(address)


def test_version_is_text(stack: FakeStack) -> None:
    assert stack.toxics.version()[0].isdigit()


def test_a_proxy_name_that_is_taken_is_reported(stack: FakeStack) -> None:
    with pytest.raises(RejectedError, match="'gate-visa' exists already") as caught:
        stack.toxics.create("gate-visa", "127.0.0.1:1")
    assert caught.value.status == 409


def test_a_toxic_name_that_is_taken_is_reported(stack: FakeStack) -> None:
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    with pytest.raises(
        RejectedError, match=r"/gate-visa/toxics: 409 toxic already exists"
    ) as caught:
        stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    assert caught.value.status == 409


def test_an_unknown_toxic_type_is_reported(stack: FakeStack) -> None:
    with pytest.raises(RejectedError, match="400 invalid toxic type; this server does not support"):
        stack.toxics.add_toxic("gate-visa", Toxic("nonsense", "upstream", {}), "harness-x")


def test_an_unknown_proxy_is_reported(stack: FakeStack) -> None:
    for request in (stack.toxics.disable, stack.toxics.enable, stack.toxics.toxics):
        with pytest.raises(RejectedError, match="404 proxy not found; was the Toxiproxy restarted"):
            request("nobody")


def test_enabling_on_a_port_that_was_taken_is_an_error(stack: FakeStack) -> None:
    name, listen = "gate-visa", stack.links["gate-visa"]
    host, _, port = listen.rpartition(":")
    stack.toxics.disable(name)
    with socket.create_server((host, int(port))):
        with pytest.raises(RejectedError, match=r"500 .*address already in use.*taken the port"):
            stack.toxics.enable(name)
        assert not stack.toxics.proxies()[name].enabled
    stack.toxics.enable(name)
    assert stack.toxics.proxies()[name].enabled


def test_creating_on_a_port_that_is_taken_is_an_error_not_a_key_error(stack: FakeStack) -> None:
    with pytest.raises(RejectedError, match=r"500 .*address already in use"):
        stack.toxics.create("another", "127.0.0.1:1", stack.links["gate-visa"])


@pytest.mark.parametrize(
    ("status", "body", "content_type", "message"),
    [
        (
            503,
            "<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>",
            "text/html",
            "503 Timeout; it is blocked",
        ),
        (403, "User agent not allowed\n", "text/plain", "403 User agent not allowed; a proxy"),
        (500, "", "text/plain", r"500 \(no text\)"),
        (301, "", "text/plain", r"301 .*is this a Toxiproxy"),
        (200, "<html>hello</html>", "text/html", "answers 200 without JSON; is this a Toxiproxy"),
    ],
)
def test_a_response_without_json_is_reported(
    canned: Callable[..., CannedServer], status: int, body: str, content_type: str, message: str
) -> None:
    client = Toxiproxy(canned(status, body, content_type).address)
    with pytest.raises((StackError, ChaosError), match=message):
        client.proxies()
    client.close()


@pytest.mark.parametrize("body", ['{"a": 1}', "[]", '{"a": {"name": "a"}}', "17"])
def test_json_that_is_not_from_a_toxiproxy_is_rejected(
    canned: Callable[..., CannedServer], body: str
) -> None:
    client = Toxiproxy(canned(200, body).address)
    with pytest.raises(StackError, match="answers, but not as a Toxiproxy does"):
        client.proxies()
    client.close()


def test_http_proxy_variables_are_ignored(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert stack.toxics.proxies()


@pytest.mark.parametrize("name", ["a b", "50%", "a?b#c", "größe", "a:b"])
def test_names_are_quoted_in_urls(server: str, name: str) -> None:
    client = Toxiproxy(server)
    made = client.create(name, "127.0.0.1:1")
    assert client.proxies()[name] == made
    client.disable(name)
    assert not client.proxies()[name].enabled
    client.add_toxic(name, LATENCY, f"harness-{name}")
    assert client.toxics(name) == (f"harness-{name}",)
    client.recreate(name, [f"harness-{name}"], enable=False)
    assert client.toxics(name) == ()
    assert client.destroy(name)
    assert name not in client.proxies()
    client.close()


@pytest.mark.parametrize("name", ["a/b", "", "..", "."])
def test_a_name_that_no_url_leads_to_is_rejected(stack: FakeStack, name: str) -> None:
    with pytest.raises(ChaosError, match="no URL leads to"):
        stack.toxics.create(name, "127.0.0.1:1")
    with pytest.raises(ChaosError, match="no URL leads to"):
        stack.toxics.disable(name)


def test_removing_what_does_not_exist_is_not_an_error(stack: FakeStack) -> None:
    before = stack.toxics.proxies()["gate-visa"]
    stack.toxics.recreate("gate-visa", ["harness-x"], enable=True)
    assert stack.toxics.proxies()["gate-visa"] == before
    assert not stack.toxics.destroy("nobody")


def test_recreating_a_proxy_does_not_list_all_proxies(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[str] = []
    api = stack.toxics._client
    get = api.get

    def recorded_get(url: str, **options: Any) -> Any:
        requested.append(url)
        return get(url, **options)

    monkeypatch.setattr(api, "get", recorded_get)

    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    stack.toxics.recreate("gate-visa", ["harness-x"])

    assert requested == ["/proxies/gate-visa"]


def test_a_recreated_proxy_listens_if_it_did_before_or_if_asked_to(stack: FakeStack) -> None:
    stack.toxics.disable("gate-visa")
    stack.toxics.recreate("gate-visa", ["harness-x"])
    assert not stack.toxics.proxies()["gate-visa"].enabled
    stack.toxics.recreate("gate-visa", ["harness-x"], enable=True)
    assert stack.toxics.proxies()["gate-visa"].enabled
    stack.toxics.recreate("gate-visa", ["harness-x"])
    assert stack.toxics.proxies()["gate-visa"].enabled


def test_only_our_own_toxics_are_added_and_removed(stack: FakeStack) -> None:
    with pytest.raises(ChaosError, match="is not ours"):
        stack.toxics.recreate("gate-visa", ["latency_downstream"], enable=True)
    with pytest.raises(ChaosError, match="is not ours"):
        stack.toxics.add_toxic("gate-visa", LATENCY, "mine")


def test_removing_owned_toxics_keeps_the_users_toxics_and_disabled_proxies(
    stack: FakeStack,
) -> None:
    UserClient(stack).add("gate-visa", "the-users")
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    stack.toxics.disable("desk-gate")
    stack.toxics.add_toxic("desk-gate", LATENCY, "harness-y")
    removed = stack.toxics.remove_owned_toxics([*stack.links, "nobody"])
    assert sorted(removed) == ["desk-gate/harness-y", "gate-visa/harness-x"]
    assert stack.toxics.toxics("gate-visa") == ("the-users",)
    assert not stack.toxics.proxies()["desk-gate"].enabled
    assert stack.toxics.proxies()["gate-visa"].enabled


class UserClient:
    """A client that adds toxics without our prefix."""

    def __init__(self, stack: FakeStack) -> None:
        self._client = stack.toxics._client

    def add(self, proxy: str, name: str) -> None:
        toxic = {"name": name, "type": "latency", "attributes": {"latency": 1}}
        self._client.post(f"/proxies/{proxy}/toxics", data=json.dumps(toxic))


def test_a_proxy_is_recreated_while_a_client_does_not_read(stack: FakeStack) -> None:
    """Removing a toxic would block Toxiproxy while a receiver does not read."""
    host, _, port = stack.links["gate-visa"].rpartition(":")
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    with socket.create_connection((host, int(port))) as client:
        # Request far more than all buffers hold, and read nothing of it.
        client.settimeout(0.5)
        request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
        with contextlib.suppress(TimeoutError):
            while True:
                client.sendall(request)
        start = time.monotonic()
        stack.toxics.recreate("gate-visa", ["harness-x"], enable=True)
        assert time.monotonic() - start < 4
        assert stack.toxics.toxics("gate-visa") == ()
        assert stack.toxics.proxies()["gate-visa"].enabled


def test_a_proxy_is_recreated_while_its_toxics_hold_bytes(stack: FakeStack) -> None:
    """Removing a toxic would block Toxiproxy while it holds bytes of closed connections."""
    host, _, port = stack.links["gate-visa"].rpartition(":")
    stack.toxics.add_toxic(
        "gate-visa", Toxic("latency", "upstream", {"latency": 1500}), "harness-x"
    )
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with contextlib.ExitStack() as resources:
        clients = [
            resources.enter_context(socket.create_connection((host, int(port)), 2))
            for _ in range(20)
        ]
        for _ in range(30):
            for client in clients:
                client.sendall(request)  # in most cases a chunk of its own
        start = time.monotonic()
        stack.toxics.recreate("gate-visa", ["harness-x"], enable=True)
        assert time.monotonic() - start < 4
        assert stack.toxics.toxics("gate-visa") == ()
    with socket.create_connection((host, int(port)), 2) as client:
        client.sendall(request)
        assert client.recv(9) == b"HTTP/1.1 "


def test_recreating_a_proxy_again_completes_a_failed_attempt(stack: FakeStack) -> None:
    class Failing(Toxiproxy):
        failures = 1

        def _create_disabled(self, *arguments: Any) -> None:
            if self.failures:
                self.failures -= 1
                raise StackError("no answer")
            super()._create_disabled(*arguments)

    UserClient(stack).add("gate-visa", "the-users")
    before = stack.toxics.proxies()["gate-visa"]
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    client = Failing(stack.toxiproxy())
    with pytest.raises(StackError, match="no answer"):
        client.recreate("gate-visa", ["harness-x"], enable=True)
    assert "gate-visa" not in stack.toxics.proxies()
    client.recreate("gate-visa", ["harness-x"], enable=True)
    assert stack.toxics.proxies()["gate-visa"] == before
    assert stack.toxics.toxics("gate-visa") == ("the-users",)
    client.close()


def test_a_limit_bounds_slow_answers_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.chaos._api_client._FAST", 0.0)
    with hung_server(*["{}"] * 100, delay=0.1) as slow:
        server = Toxiproxy(slow.address)

        def ask() -> None:
            for _ in range(100):
                server.proxies()

        with server.limit(0.3), pytest.raises(GivenUpError, match="restart the Toxiproxy"):
            ask()
        assert len(slow.requests) <= 4
        server.proxies()  # without the limit it is not given up
        server.close()


def test_the_first_second_of_an_answer_does_not_count_towards_a_limit() -> None:
    with hung_server(*["{}"] * 5, delay=0.01) as slow:
        server = Toxiproxy(slow.address)
        with server.limit(0.001):
            for _ in range(5):
                assert server.proxies() == {}
        server.close()
