"""Look-ups of host names: beside the loop, one for each name at a time."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from socket_kit import TIMEOUT_S

from harness.proxy._loop import Loop
from harness.proxy._names import THREADS, Names

V4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))
V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0, 0, 0))


class Resolver:
    """A name server that is slow until it is told to answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answering = threading.Event()

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("slow"):
            assert self.answering.wait(TIMEOUT_S)
        if host.endswith(".nowhere"):
            raise socket.gaierror
        return [V6, V4]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    fake = Resolver()
    monkeypatch.setattr("harness.proxy._names.socket.getaddrinfo", fake.getaddrinfo)
    yield fake
    fake.answering.set()


class Told:
    """Collects answers, and stops the loop when there are enough."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.answers: dict[str, Any] = {}

    def __call__(self, key: str) -> Any:
        def answer(found: list[Any], problem: str) -> None:
            self.answers[key] = problem or [address[:2] for _, address in found]
            self._loop.stop()

        return answer

    def wait_for(self, count: int) -> None:
        self._loop.call_at(self._loop.time() + TIMEOUT_S, self._loop.stop)
        while len(self.answers) < count:
            self._loop._stopped = False
            self._loop.run()


def test_addresses_include_the_port_and_list_ipv4_first(resolver: Resolver) -> None:
    loop = Loop()
    names, told = Names(loop), Told(loop)
    names.look_up("db:5432", told("db"))
    names.look_up("gone.nowhere:1", told("gone"))
    names.look_up("192.0.2.9:7", told("literal"))
    assert told.answers == {"literal": [("192.0.2.9", 7)]}
    told.wait_for(3)
    assert told.answers["db"] == [("192.0.2.1", 5432), ("2001:db8::1", 5432)]
    assert told.answers["gone"] == "lookup gone.nowhere: no such host"


def test_concurrent_lookups_of_one_name_share_one_query(resolver: Resolver) -> None:
    loop = Loop()
    names, told = Names(loop), Told(loop)
    for number in range(10 * THREADS):
        names.look_up(f"slow:{number}", told(f"slow {number}"))
    names.look_up("quick:1", told("quick"))  # finds a thread, although the others wait
    told.wait_for(1)
    assert list(told.answers) == ["quick"]
    resolver.answering.set()
    told.wait_for(10 * THREADS + 1)
    assert told.answers["slow 3"] == [("192.0.2.1", 3), ("2001:db8::1", 3)]
    names.look_up("slow:1", told("anew"))
    told.wait_for(10 * THREADS + 2)
    assert sorted(resolver.asked) == ["quick", "slow", "slow"]


def test_an_exception_in_one_callback_does_not_affect_the_others(resolver: Resolver) -> None:
    errors: list[str] = []
    loop = Loop(on_error=errors.append)
    names, told = Names(loop), Told(loop)
    for key in ("a", "b"):
        names.look_up("slow:1", lambda *_: 1 // 0)  # type: ignore[arg-type]
        names.look_up("slow:1", told(key))
    resolver.answering.set()
    told.wait_for(2)
    assert ["ZeroDivisionError" in error for error in errors] == [True, True]
    names.look_up("later:1", told("later"))
    told.wait_for(3)


def test_a_lookup_without_descriptors_or_threads_fails_and_the_next_one_works(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop()
    names, told = Names(loop), Told(loop)

    def refuse(*_: Any) -> None:
        raise OSError("Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("harness.proxy._names.os.pipe", refuse)
        names.look_up("db:1", told("no pipe"))
    with monkeypatch.context() as patch:
        patch.setattr("harness.proxy._names.threading.Thread.start", refuse)
        names.look_up("db:1", told("no thread"))
    assert set(told.answers.values()) == {"lookup db: Too many open files"}
    names.look_up("db:1", told("db"))
    told.wait_for(3)
    assert told.answers["db"] == [("192.0.2.1", 1), ("2001:db8::1", 1)]
