"""Name lookups: in threads, one for each name at a time."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from socket_kit import TIMEOUT_S

from harness.proxy._loop import Loop
from harness.proxy._resolver import THREADS, Resolver

V4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))
V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0, 0, 0))


class FakeNameServer:
    """A name server that answers queries for `slow...` only once `may_answer` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = threading.Event()

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("slow"):
            assert self.may_answer.wait(TIMEOUT_S)
        if host.endswith(".nowhere"):
            raise socket.gaierror
        return [V6, V4]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNameServer]:
    fake = FakeNameServer()
    monkeypatch.setattr("harness.proxy._resolver.socket.getaddrinfo", fake.getaddrinfo)
    yield fake
    fake.may_answer.set()


class Answers:
    """Collects results of lookups by key; each result stops the loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.by_key: dict[str, Any] = {}

    def __call__(self, key: str) -> Any:
        def on_answer(found: list[Any], problem: str) -> None:
            self.by_key[key] = problem or [address[:2] for _, address in found]
            self._loop.stop()

        return on_answer

    def wait_for(self, count: int) -> None:
        self._loop.call_at(self._loop.time() + TIMEOUT_S, self._loop.stop)
        while len(self.by_key) < count:
            self._loop._stopped = False
            self._loop.run()


def test_addresses_have_the_port_and_ipv4_comes_first(name_server: FakeNameServer) -> None:
    loop = Loop()
    resolver, answers = Resolver(loop), Answers(loop)
    resolver.look_up("db:5432", answers("db"))
    resolver.look_up("gone.nowhere:1", answers("gone"))
    resolver.look_up("192.0.2.9:7", answers("literal"))
    assert answers.by_key == {"literal": [("192.0.2.9", 7)]}
    answers.wait_for(3)
    assert answers.by_key["db"] == [("192.0.2.1", 5432), ("2001:db8::1", 5432)]
    assert answers.by_key["gone"] == "lookup gone.nowhere: no such host"


def test_concurrent_lookups_of_one_name_share_one_query(name_server: FakeNameServer) -> None:
    loop = Loop()
    resolver, answers = Resolver(loop), Answers(loop)
    for number in range(10 * THREADS):
        resolver.look_up(f"slow:{number}", answers(f"slow {number}"))
    # A thread is free for this lookup, although the others wait.
    resolver.look_up("quick:1", answers("quick"))
    answers.wait_for(1)
    assert list(answers.by_key) == ["quick"]
    name_server.may_answer.set()
    answers.wait_for(10 * THREADS + 1)
    assert answers.by_key["slow 3"] == [("192.0.2.1", 3), ("2001:db8::1", 3)]
    resolver.look_up("slow:1", answers("anew"))
    answers.wait_for(10 * THREADS + 2)
    assert sorted(name_server.asked) == ["quick", "slow", "slow"]


def test_an_exception_in_one_callback_does_not_affect_the_others(
    name_server: FakeNameServer,
) -> None:
    errors: list[str] = []
    loop = Loop(on_error=errors.append)
    resolver, answers = Resolver(loop), Answers(loop)
    for key in ("a", "b"):
        resolver.look_up("slow:1", lambda *_: 1 // 0)  # type: ignore[arg-type]
        resolver.look_up("slow:1", answers(key))
    name_server.may_answer.set()
    answers.wait_for(2)
    assert ["ZeroDivisionError" in error for error in errors] == [True, True]
    resolver.look_up("later:1", answers("later"))
    answers.wait_for(3)


def test_a_lookup_without_descriptors_or_threads_fails_and_a_later_one_works(
    name_server: FakeNameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop()
    resolver, answers = Resolver(loop), Answers(loop)

    def refuse(*_: Any) -> None:
        raise OSError("Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("harness.proxy._resolver.os.pipe", refuse)
        resolver.look_up("db:1", answers("no pipe"))
    with monkeypatch.context() as patch:
        patch.setattr("harness.proxy._resolver.threading.Thread.start", refuse)
        resolver.look_up("db:1", answers("no thread"))
    assert set(answers.by_key.values()) == {"lookup db: Too many open files"}
    resolver.look_up("db:1", answers("db"))
    answers.wait_for(3)
    assert answers.by_key["db"] == [("192.0.2.1", 1), ("2001:db8::1", 1)]
