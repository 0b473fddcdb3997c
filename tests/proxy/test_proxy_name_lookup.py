"""Lookup of host names: in threads beside the event loop, one query per name at a time."""

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
    """A fake of `socket.getaddrinfo`.

    `queries` lists the hosts that were looked up. Hosts that start with `slow` are answered only
    after `released` is set; those that end with `.nowhere` do not exist.
    """

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.released = threading.Event()

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.queries.append(host)
        if host.startswith("slow"):
            assert self.released.wait(TIMEOUT_S)
        if host.endswith(".nowhere"):
            raise socket.gaierror
        return [V6, V4]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    fake = Resolver()
    monkeypatch.setattr("harness.proxy._names.socket.getaddrinfo", fake.getaddrinfo)
    yield fake
    fake.released.set()


class Results:
    """Collect the results of lookups by key, and run the loop until there are enough."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.by_key: dict[str, Any] = {}

    def callback(self, key: str) -> Any:
        """Return a lookup callback that stores its addresses, or its error, under `key`."""

        def store(found: list[Any], problem: str) -> None:
            self.by_key[key] = problem or [address[:2] for _, address in found]
            self._loop.stop()

        return store

    def wait_for(self, count: int) -> None:
        """Run the loop until there are `count` results."""
        self._loop.call_at(self._loop.time() + TIMEOUT_S, self._loop.stop)
        while len(self.by_key) < count:
            self._loop._stopped = False
            self._loop.run()


def test_addresses_include_the_port_and_list_ipv4_first(resolver: Resolver) -> None:
    loop = Loop()
    names, results = Names(loop), Results(loop)
    names.look_up("db:5432", results.callback("db"))
    names.look_up("gone.nowhere:1", results.callback("gone"))
    names.look_up("192.0.2.9:7", results.callback("literal"))
    assert results.by_key == {"literal": [("192.0.2.9", 7)]}
    results.wait_for(3)
    assert results.by_key["db"] == [("192.0.2.1", 5432), ("2001:db8::1", 5432)]
    assert results.by_key["gone"] == "lookup gone.nowhere: no such host"


def test_concurrent_lookups_of_one_name_share_one_query(resolver: Resolver) -> None:
    loop = Loop()
    names, results = Names(loop), Results(loop)
    for number in range(10 * THREADS):
        names.look_up(f"slow:{number}", results.callback(f"slow {number}"))
    names.look_up("quick:1", results.callback("quick"))  # gets a thread: the slow lookups share one
    results.wait_for(1)
    assert list(results.by_key) == ["quick"]
    resolver.released.set()
    results.wait_for(10 * THREADS + 1)
    assert results.by_key["slow 3"] == [("192.0.2.1", 3), ("2001:db8::1", 3)]
    names.look_up("slow:1", results.callback("again"))
    results.wait_for(10 * THREADS + 2)
    assert sorted(resolver.queries) == ["quick", "slow", "slow"]


def test_an_exception_in_one_callback_does_not_affect_the_others(resolver: Resolver) -> None:
    errors: list[str] = []
    loop = Loop(on_error=errors.append)
    names, results = Names(loop), Results(loop)
    for key in ("a", "b"):
        names.look_up("slow:1", lambda *_: 1 // 0)  # type: ignore[arg-type]
        names.look_up("slow:1", results.callback(key))
    resolver.released.set()
    results.wait_for(2)
    assert ["ZeroDivisionError" in error for error in errors] == [True, True]
    names.look_up("later:1", results.callback("later"))
    results.wait_for(3)


def test_a_lookup_without_descriptors_or_threads_fails_and_the_next_one_works(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop()
    names, results = Names(loop), Results(loop)

    def refuse(*_: Any) -> None:
        raise OSError("Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("harness.proxy._names.os.pipe", refuse)
        names.look_up("db:1", results.callback("no pipe"))
    with monkeypatch.context() as patch:
        patch.setattr("harness.proxy._names.threading.Thread.start", refuse)
        names.look_up("db:1", results.callback("no thread"))
    assert set(results.by_key.values()) == {"lookup db: Too many open files"}
    names.look_up("db:1", results.callback("db"))
    results.wait_for(3)
    assert results.by_key["db"] == [("192.0.2.1", 1), ("2001:db8::1", 1)]
