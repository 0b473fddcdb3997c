"""Non-blocking connect to an upstream: its addresses are tried in turn until one accepts.

    dial = Dial(loop, resolver, on_done)
    dial.start("db:5432")
    dial.cancel()

`on_done(socket, "")` or `on_done(None, error)` is called once, during `start` or later, unless the
attempt is cancelled before.
"""

import os
import socket
from collections.abc import Callable
from errno import EALREADY, EINPROGRESS, EISCONN
from typing import Any, Final

from harness.proxy._address import SocketAddress, format_address
from harness.proxy._loop import WRITE, Loop
from harness.proxy._resolver import Resolver

_NONBLOCK: Final[int] = getattr(socket, "SOCK_NONBLOCK", 0)  # macOS has none

OnDone = Callable[[socket.socket | None, str], None]


class Dial:
    """One attempt to connect to an upstream."""

    __slots__ = ("_address", "_candidates", "_loop", "_on_done", "_resolver", "_sock", "finished")

    def __init__(self, loop: Loop, resolver: Resolver, on_done: OnDone) -> None:
        self.finished = False
        """True once `on_done` was called or the attempt was cancelled."""
        self._loop = loop
        self._resolver = resolver
        self._on_done = on_done
        self._sock: socket.socket | None = None
        self._address: Any = None
        self._candidates: list[SocketAddress] = []

    def start(self, upstream: str) -> None:
        """Resolve `host:port` and try its addresses in turn."""
        self._resolver.look_up(upstream, self._on_addresses)

    def cancel(self) -> None:
        """Abort the attempt and close its socket; `on_done` is not called."""
        self.finished = True
        if self._sock is not None:
            self._loop.close(self._sock)
            self._sock = None

    def _on_addresses(self, found: list[SocketAddress], problem: str) -> None:
        if self.finished:
            return
        self._candidates = found[::-1]
        self._try_next(f"dial tcp: {problem}")

    def _try_next(self, problem: str) -> None:
        while self._candidates:
            family, address = self._candidates.pop()
            self._address = address
            try:
                sock = socket.socket(family, socket.SOCK_STREAM | _NONBLOCK)
                if not _NONBLOCK:
                    sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                problem = str(error)
                continue
            outcome = sock.connect_ex(address)
            if outcome in {0, EINPROGRESS}:
                # On loopback the handshake is complete by now: a second call reports it and saves
                # a round through the loop.
                outcome = sock.connect_ex(address)
                if outcome in {0, EISCONN}:
                    self._finish(sock, "")
                    return
                if outcome in {EALREADY, EINPROGRESS}:
                    self._sock = sock
                    self._loop.watch(sock.fileno(), WRITE, self._on_ready)
                    return
            problem = _connect_error(address, outcome)
            sock.close()
        self._finish(None, problem)

    def _on_ready(self, _events: int) -> None:
        sock = self._sock
        if sock is None:
            return
        outcome = sock.connect_ex(self._address)
        if outcome in {EALREADY, EINPROGRESS}:
            return
        self._sock = None
        self._loop.unwatch(sock.fileno())
        if outcome in {0, EISCONN}:
            self._finish(sock, "")
        else:
            sock.close()
            self._try_next(_connect_error(self._address, outcome))

    def _finish(self, sock: socket.socket | None, problem: str) -> None:
        self.finished = True
        self._on_done(sock, problem)


def _connect_error(address: Any, code: int) -> str:
    return f"dial tcp {format_address(address)}: connect: {os.strerror(code).lower()}"
