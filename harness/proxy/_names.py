"""Looks up host names without holding up the loop.

`getaddrinfo` blocks, for seconds if a name server is down, so names are looked up by a thread
that is started when the first name is met (a setup of bare addresses never starts it). Each
dial asks anew, as Toxiproxy does: a container that was restarted may have moved.
"""

import os
import queue
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from harness.proxy._address import AddressError, Sockaddr, literal, split
from harness.proxy._loop import READ, Loop

Answer = Callable[[list[Sockaddr], str], None]
"""Takes the addresses, or an empty list and what went wrong."""

THREADS = 4
MOST_LITERALS = 1000


class Names:
    """Turns hosts into addresses; answers come on the loop's thread."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._questions: queue.SimpleQueue[tuple[str, int, Answer]] = queue.SimpleQueue()
        self._answers: deque[tuple[Answer, list[Sockaddr], str]] = deque()
        self._bell = -1
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
        if self._bell < 0:
            self._start()
        self._questions.put((host, port, answer))

    def _start(self) -> None:
        reader, self._bell = os.pipe()
        os.set_blocking(reader, False)
        self._loop.watch(reader, READ, lambda _events: self._deliver(reader), urgent=True)
        for _ in range(THREADS):
            threading.Thread(target=self._ask, name="proxy-names", daemon=True).start()

    def _ask(self) -> None:
        while True:
            host, port, answer = self._questions.get()
            found: list[Sockaddr] = []
            problem = ""
            # 127.1 is an address to the C library, but not to Go.
            entries = [] if host.replace(".", "").isdigit() else _addresses(host)
            for family, _, _, _, address in entries:
                if family == socket.AF_INET:
                    found.append((family, (str(address[0]), port)))
                elif family == socket.AF_INET6:
                    found.append((family, (str(address[0]), port, 0, int(address[-1]))))
            if not found:
                problem = f"lookup {host}: no such host"
            found.sort(key=lambda entry: entry[0] != socket.AF_INET)  # IPv4 first, as Go does
            self._answers.append((answer, found, problem))
            os.write(self._bell, b"!")

    def _deliver(self, reader: int) -> None:
        os.read(reader, 4096)
        while self._answers:
            answer, found, problem = self._answers.popleft()
            answer(found, problem)


def _addresses(host: str) -> list[Any]:
    try:
        return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
