"""Looks up host names without holding up the loop.

`getaddrinfo` blocks, for seconds if a name server is down, so names are looked up by threads
that are started when the first name is met (a setup of bare addresses never starts them). Each
dial asks anew, as Toxiproxy does: a container that was restarted may have moved. Only those that
ask while the same name is being looked up share its answer, so that a dead name server leaves
one question for each name, not one for each client.
"""

import os
import queue
import socket
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from harness.proxy._address import AddressError, Sockaddr, literal, split
from harness.proxy._loop import READ, Loop

Answer = Callable[[list[Sockaddr], str], None]
"""Takes the addresses, or an empty list and what went wrong."""

THREADS: Final = 4
MOST_LITERALS: Final = 1000
FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)
"""In the order in which they are tried, which is Go's."""


class Names:
    """Turns hosts into addresses; answers come on the loop's thread."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._questions: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._answers: deque[tuple[str, list[Any]]] = deque()
        self._waiting: dict[str, list[tuple[int, Answer]]] = {}
        """Who asked for a host, and for which port."""
        self._bell = -1
        self._threads = 0
        self._literals: dict[str, list[Sockaddr]] = {}

    def look_up(self, address: str, answer: Answer) -> None:
        """Call `answer` with what `host:port` stands for: at once if it is no name."""
        known = self._literals.get(address)
        if known is not None:
            answer(known, "")
            return
        try:
            host, port = split(address)
        except AddressError as error:
            answer([], str(error))
            return
        known = literal(host, port)
        if known is not None:
            if len(self._literals) < MOST_LITERALS:
                self._literals[address] = known
            answer(known, "")
            return
        if host in self._waiting:
            self._waiting[host].append((port, answer))
            return
        try:
            self._start()
        except (OSError, RuntimeError) as error:  # no descriptors, or no threads, just now
            answer([], f"lookup {host}: {error}")
            return
        self._waiting[host] = [(port, answer)]
        self._questions.put(host)

    def _start(self) -> None:
        if self._bell < 0:
            reader, self._bell = os.pipe()
            os.set_blocking(reader, False)
            self._loop.watch(reader, READ, lambda _events: self._deliver(reader), urgent=True)
        while self._threads < THREADS:
            threading.Thread(target=self._ask, name="proxy-names", daemon=True).start()
            self._threads += 1

    def _ask(self) -> None:
        while True:
            host = self._questions.get()
            # 127.1 is an address to the C library, but not to Go.
            found = [] if host.replace(".", "").isdigit() else _entries(host)
            self._answers.append((host, found))
            os.write(self._bell, b"!")

    def _deliver(self, reader: int) -> None:
        os.read(reader, 4096)
        while self._answers:
            host, entries = self._answers.popleft()
            problem = "" if entries else f"lookup {host}: no such host"
            for port, answer in self._waiting.pop(host):
                # One by one, so that what goes wrong with one keeps the others from nothing.
                self._loop.call_soon(partial(answer, _sockaddrs(entries, port), problem))


def _entries(host: str) -> list[Any]:
    """Return what the resolver knows."""
    found: list[Any]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    known: list[Any] = list(filter(lambda entry: entry[0] in FAMILIES, found))
    return sorted(known, key=lambda entry: FAMILIES.index(entry[0]))


def _sockaddrs(entries: list[Any], port: int) -> list[Sockaddr]:
    return [
        (family, (str(address[0]), port))
        if family == socket.AF_INET
        else (family, (str(address[0]), port, 0, int(address[-1])))
        for family, _, _, _, address in entries
    ]
