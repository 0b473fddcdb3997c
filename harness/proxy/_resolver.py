"""Resolves host names without blocking the event loop.

`getaddrinfo` blocks, for seconds if a name server is down, so it runs in threads. They are started
for the first name; a setup with IP addresses only never starts them. Each dial resolves its name
anew, as in Toxiproxy, because a restarted container may have a new address. Callers that ask for a
name during a lookup of the same name share its result, so that a dead name server causes one
pending lookup for each name, not one for each client.
"""

import os
import queue
import socket
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from harness.proxy._address import AddressError, SocketAddress, literal_addresses, split_host_port
from harness.proxy._loop import READ, Loop

Callback = Callable[[list[SocketAddress], str], None]
"""Called with the addresses and an empty text, or with an empty list and an error message."""

THREADS: Final = 4
MAX_LITERALS: Final = 1000
FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)
"""Address families in the order in which their addresses are tried, which is Go's."""


class Resolver:
    """Resolves `host:port`; callbacks run on the thread of the loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._requests: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._results: deque[tuple[str, list[Any]]] = deque()
        self._callbacks: dict[str, list[tuple[int, Callback]]] = {}
        """By host: port and callback of each caller that waits for the result."""
        self._wakeup_fd = -1
        self._threads = 0
        self._literal_cache: dict[str, list[SocketAddress]] = {}

    def look_up(self, address: str, callback: Callback) -> None:
        """Call `callback` with the addresses of `host:port`; at once if no lookup is needed."""
        known = self._literal_cache.get(address)
        if known is not None:
            callback(known, "")
            return
        try:
            host, port = split_host_port(address)
        except AddressError as error:
            callback([], str(error))
            return
        known = literal_addresses(host, port)
        if known is not None:
            if len(self._literal_cache) < MAX_LITERALS:
                self._literal_cache[address] = known
            callback(known, "")
            return
        if host in self._callbacks:
            self._callbacks[host].append((port, callback))
            return
        try:
            self._start_threads()
        except (OSError, RuntimeError) as error:  # no free descriptors or threads
            callback([], f"lookup {host}: {error}")
            return
        self._callbacks[host] = [(port, callback)]
        self._requests.put(host)

    def _start_threads(self) -> None:
        if self._wakeup_fd < 0:
            reader, self._wakeup_fd = os.pipe()
            os.set_blocking(reader, False)
            self._loop.watch(reader, READ, lambda _events: self._deliver(reader), urgent=True)
        while self._threads < THREADS:
            threading.Thread(target=self._run_thread, name="proxy-names", daemon=True).start()
            self._threads += 1

    def _run_thread(self) -> None:
        while True:
            host = self._requests.get()
            # The C library accepts 127.1 as an address; Go does not.
            found = [] if host.replace(".", "").isdigit() else _getaddrinfo(host)
            self._results.append((host, found))
            os.write(self._wakeup_fd, b"!")

    def _deliver(self, reader: int) -> None:
        os.read(reader, 4096)
        while self._results:
            host, entries = self._results.popleft()
            problem = "" if entries else f"lookup {host}: no such host"
            for port, callback in self._callbacks.pop(host):
                # Each in its own callback, so that an exception of one does not affect the others.
                self._loop.call_soon(partial(callback, _socket_addresses(entries, port), problem))


def _getaddrinfo(host: str) -> list[Any]:
    """Return the entries of the system's resolver, IPv4 first; none for an unknown host."""
    found: list[Any]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    known: list[Any] = list(filter(lambda entry: entry[0] in FAMILIES, found))
    return sorted(known, key=lambda entry: FAMILIES.index(entry[0]))


def _socket_addresses(entries: list[Any], port: int) -> list[SocketAddress]:
    return [
        (family, (str(address[0]), port))
        if family == socket.AF_INET
        else (family, (str(address[0]), port, 0, int(address[-1])))
        for family, _, _, _, address in entries
    ]
