"""Each trap of toxiproxy-python 0.1.1 (notes/toxiproxy.md section 4), and that it is guarded."""

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
from harness.chaos._consumer import RefusedError
from harness.chaos._toxic import Toxic
from harness.errors import StackError
from harness.stack import GoneError

from .fake_stack import FakeStack

LATENCY = Toxic("latency", "downstream", {"latency": 1, "jitter": 0})


class Canned:
    """A server that gives one answer to everything."""

    def __init__(self, status: int, body: str, kind: str = "application/json") -> None:
        canned = self
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canned.asked.append(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
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
def canned() -> Iterator[Callable[..., Canned]]:
    """Make canned servers."""
    made: list[Canned] = []

    def make(status: int, body: str, kind: str = "application/json") -> Canned:
        made.append(Canned(status, body, kind))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_two_adapters_to_two_servers_do_not_meet_even_in_threads(
    canned: Callable[..., Canned],
) -> None:
    one, two = canned(200, '{"version": "1.1.1"}'), canned(200, '{"version": "2.2.2"}')
    adapters = {"1.1.1": Toxiproxy(one.address), "2.2.2": Toxiproxy(two.address)}
    with ThreadPoolExecutor(8) as pool:
        asked = [
            (version, pool.submit(adapters[version].version))
            for _ in range(20)
            for version in adapters
        ]
        assert all(version == future.result() for version, future in asked)
    for adapter in adapters.values():
        adapter.close()


def test_the_users_own_use_of_the_package_is_not_touched(stack: FakeStack) -> None:
    before = (APIConsumer.host, APIConsumer.port)
    stack.toxics.proxies()
    assert (APIConsumer.host, APIConsumer.port) == before
    assert package.server.APIConsumer is APIConsumer
    assert package.proxy.APIConsumer is APIConsumer


def test_a_server_that_does_not_answer_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        adapter = Toxiproxy(f"127.0.0.1:{hung.getsockname()[1]}", timeout=0.2)
        start = time.monotonic()
        with pytest.raises(StackError, match=r"GET /proxies: no answer within 0.2 s.*restart"):
            adapter.proxies()
        assert time.monotonic() - start < 5
        adapter.close()


def test_nobody_listening_is_said_as_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(GoneError, match=r"cannot be reached \(Connection refused\); is the stack"):
        Toxiproxy(f"127.0.0.1:{port}").version()


def test_an_ipv6_address_does_not_escape_as_gaierror() -> None:
    with pytest.raises(StackError, match=r"toxiproxy \[::1\]:1: .*cannot be reached"):
        Toxiproxy("[::1]:1").version()


@pytest.mark.parametrize("address", ["", "localhost", ":8474", "host:", "host:port"])
def test_an_address_without_host_or_port_is_refused(address: str) -> None:
    with pytest.raises(ChaosError, match=r"is not host:port"):
        Toxiproxy(address)


def test_version_is_text(stack: FakeStack) -> None:
    assert stack.toxics.version()[0].isdigit()


def test_a_name_that_is_taken_says_so(stack: FakeStack) -> None:
    with pytest.raises(RefusedError, match="'gate-visa' exists already") as caught:
        stack.toxics.create("gate-visa", "127.0.0.1:1")
    assert caught.value.status == 409


def test_a_toxics_name_that_is_taken_is_not_taken_for_a_proxys(stack: FakeStack) -> None:
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    with pytest.raises(
        RefusedError, match=r"/gate-visa/toxics: 409 toxic already exists"
    ) as caught:
        stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    assert caught.value.status == 409


def test_a_toxic_that_the_server_does_not_know_says_so(stack: FakeStack) -> None:
    with pytest.raises(RefusedError, match="400 invalid toxic type; this server does not take"):
        stack.toxics.add_toxic("gate-visa", Toxic("nonsense", "upstream", {}), "harness-x")


def test_a_proxy_that_is_not_there_says_so(stack: FakeStack) -> None:
    for ask in (stack.toxics.disable, stack.toxics.enable, stack.toxics.toxics):
        with pytest.raises(RefusedError, match="404 proxy not found; was the Toxiproxy restarted"):
            ask("nobody")


def test_enabling_on_a_port_that_was_taken_is_an_error(stack: FakeStack) -> None:
    name, listen = "gate-visa", stack.links["gate-visa"]
    host, _, port = listen.rpartition(":")
    stack.toxics.disable(name)
    with socket.create_server((host, int(port))):
        with pytest.raises(RefusedError, match=r"500 .*address already in use.*taken the port"):
            stack.toxics.enable(name)
        assert not stack.toxics.proxies()[name].enabled
    stack.toxics.enable(name)
    assert stack.toxics.proxies()[name].enabled


def test_creating_on_a_port_that_is_taken_is_an_error_not_a_key_error(stack: FakeStack) -> None:
    with pytest.raises(RefusedError, match=r"500 .*address already in use"):
        stack.toxics.create("another", "127.0.0.1:1", stack.links["gate-visa"])


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            503,
            "<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>",
            "text/html",
            "503 Timeout; it is wedged",
        ),
        (403, "User agent not allowed\n", "text/plain", "403 User agent not allowed; something"),
        (500, "", "text/plain", r"500 \(no text\)"),
        (301, "", "text/plain", r"301 .*is this a Toxiproxy"),
        (200, "<html>hello</html>", "text/html", "answers 200 without JSON; is this a Toxiproxy"),
    ],
)
def test_what_is_no_json_is_told_as_it_is(
    canned: Callable[..., Canned], status: int, body: str, kind: str, said: str
) -> None:
    adapter = Toxiproxy(canned(status, body, kind).address)
    with pytest.raises((StackError, ChaosError), match=said):
        adapter.proxies()
    adapter.close()


@pytest.mark.parametrize("body", ['{"a": 1}', "[]", '{"a": {"name": "a"}}', "17"])
def test_json_of_something_else_is_not_taken_for_toxiproxys(
    canned: Callable[..., Canned], body: str
) -> None:
    adapter = Toxiproxy(canned(200, body).address)
    with pytest.raises(StackError, match="answers, but not as a Toxiproxy does"):
        adapter.proxies()
    adapter.close()


def test_http_proxy_is_not_obeyed(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert stack.toxics.proxies()


@pytest.mark.parametrize("name", ["a b", "50%", "a?b#c", "größe", "a:b"])
def test_names_are_quoted(server: str, name: str) -> None:
    adapter = Toxiproxy(server)
    made = adapter.create(name, "127.0.0.1:1")
    assert adapter.proxies()[name] == made
    adapter.disable(name)
    assert not adapter.proxies()[name].enabled
    adapter.add_toxic(name, LATENCY, f"harness-{name}")
    assert adapter.toxics(name) == (f"harness-{name}",)
    adapter.renew(name, [f"harness-{name}"], enable=False)
    assert adapter.toxics(name) == ()
    assert adapter.destroy(name)
    assert name not in adapter.proxies()
    adapter.close()


@pytest.mark.parametrize("name", ["a/b", "", "..", "."])
def test_a_name_that_no_url_leads_to_is_refused_before_it_is_made(
    stack: FakeStack, name: str
) -> None:
    with pytest.raises(ChaosError, match="no URL leads to"):
        stack.toxics.create(name, "127.0.0.1:1")
    with pytest.raises(ChaosError, match="no URL leads to"):
        stack.toxics.disable(name)


def test_removing_what_is_gone_is_not_an_error(stack: FakeStack) -> None:
    before = stack.toxics.proxies()["gate-visa"]
    stack.toxics.renew("gate-visa", ["harness-x"], enable=True)
    assert stack.toxics.proxies()["gate-visa"] == before
    assert not stack.toxics.destroy("nobody")


def test_a_proxy_is_renewed_without_listing_all_of_the_server(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    consumer = stack.toxics._consumer
    get = consumer.get

    def watched(url: str, **more: Any) -> Any:
        asked.append(url)
        return get(url, **more)

    monkeypatch.setattr(consumer, "get", watched)

    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    stack.toxics.renew("gate-visa", ["harness-x"])

    assert asked == ["/proxies/gate-visa"]


def test_a_renewed_proxy_listens_if_it_did_before_or_is_told_to(stack: FakeStack) -> None:
    stack.toxics.disable("gate-visa")
    stack.toxics.renew("gate-visa", ["harness-x"])
    assert not stack.toxics.proxies()["gate-visa"].enabled
    stack.toxics.renew("gate-visa", ["harness-x"], enable=True)
    assert stack.toxics.proxies()["gate-visa"].enabled
    stack.toxics.renew("gate-visa", ["harness-x"])
    assert stack.toxics.proxies()["gate-visa"].enabled


def test_only_what_is_ours_is_removed(stack: FakeStack) -> None:
    with pytest.raises(ChaosError, match="is not ours"):
        stack.toxics.renew("gate-visa", ["latency_downstream"], enable=True)
    with pytest.raises(ChaosError, match="is not ours"):
        stack.toxics.add_toxic("gate-visa", LATENCY, "mine")


def test_reset_owned_leaves_the_users_own_toxics_and_disabled_proxies(stack: FakeStack) -> None:
    APIConsumerOf(stack).add("gate-visa", "the-users")
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    stack.toxics.disable("desk-gate")
    stack.toxics.add_toxic("desk-gate", LATENCY, "harness-y")
    removed = stack.toxics.reset_owned([*stack.links, "nobody"])
    assert sorted(removed) == ["desk-gate/harness-y", "gate-visa/harness-x"]
    assert stack.toxics.toxics("gate-visa") == ("the-users",)
    assert not stack.toxics.proxies()["desk-gate"].enabled
    assert stack.toxics.proxies()["gate-visa"].enabled


class APIConsumerOf:
    """A user with a client of their own."""

    def __init__(self, stack: FakeStack) -> None:
        self._consumer = stack.toxics._consumer

    def add(self, proxy: str, name: str) -> None:
        toxic = {"name": name, "type": "latency", "attributes": {"latency": 1}}
        self._consumer.post(f"/proxies/{proxy}/toxics", data=json.dumps(toxic))


def test_removing_closes_connections_first(stack: FakeStack) -> None:
    """The known wedge: a receiver that stopped reading, and a toxic that is then removed."""
    host, _, port = stack.links["gate-visa"].rpartition(":")
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    with socket.create_connection((host, int(port))) as stuck:
        # Ask for far more than all buffers hold, and read nothing of it.
        stuck.settimeout(0.5)
        request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
        with contextlib.suppress(TimeoutError):
            while True:
                stuck.sendall(request)
        start = time.monotonic()
        stack.toxics.renew("gate-visa", ["harness-x"], enable=True)
        assert time.monotonic() - start < 4
        assert stack.toxics.toxics("gate-visa") == ()
        assert stack.toxics.proxies()["gate-visa"].enabled


def test_a_proxy_is_renewed_while_its_chains_hold_bytes(stack: FakeStack) -> None:
    """The other wedge: what was delayed finds nobody any more once the connections are closed."""
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
                client.sendall(request)  # a chunk of its own, for the most part
        start = time.monotonic()
        stack.toxics.renew("gate-visa", ["harness-x"], enable=True)
        assert time.monotonic() - start < 4
        assert stack.toxics.toxics("gate-visa") == ()
    with socket.create_connection((host, int(port)), 2) as client:
        client.sendall(request)
        assert client.recv(9) == b"HTTP/1.1 "


def test_a_renewal_that_fails_half_way_is_finished_by_the_next(stack: FakeStack) -> None:
    class Failing(Toxiproxy):
        failures = 1

        def _rebuild(self, *arguments: Any) -> None:
            if self.failures:
                self.failures -= 1
                raise StackError("no answer")
            super()._rebuild(*arguments)

    APIConsumerOf(stack).add("gate-visa", "the-users")
    before = stack.toxics.proxies()["gate-visa"]
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-x")
    adapter = Failing(stack.toxiproxy())
    with pytest.raises(StackError, match="no answer"):
        adapter.renew("gate-visa", ["harness-x"], enable=True)
    assert "gate-visa" not in stack.toxics.proxies()
    adapter.renew("gate-visa", ["harness-x"], enable=True)
    assert stack.toxics.proxies()["gate-visa"] == before
    assert stack.toxics.toxics("gate-visa") == ("the-users",)
    adapter.close()
