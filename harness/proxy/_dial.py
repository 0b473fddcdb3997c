"""Connect to an upstream without blocking: try its addresses in order until one accepts.

dial = Dial(loop, names, done)
dial.start("db:5432")      calls done(socket, "") or done(None, error message), now or later
dial.cancel()              done is not called any more
"""

import os
import socket
from collections.abc import Callable
from errno import EALREADY, EINPROGRESS, EISCONN
from typing import Any, Final

from harness.proxy._address import Sockaddr, text
from harness.proxy._loop import WRITE, Loop
from harness.proxy._names import Names

_NONBLOCK: Final[int] = getattr(socket, "SOCK_NONBLOCK", 0)  # macOS has none

Done = Callable[[socket.socket | None, str], None]
"""Receives the connected socket and an empty text, or None and the error message."""


class Dial:
    """One attempt to connect to an upstream; `done` receives its outcome."""

    __slots__ = ("_address", "_candidates", "_done", "_loop", "_names", "_sock", "over")

    def __init__(self, loop: Loop, names: Names, done: Done) -> None:
        self.over = False
        """True after `done` was called or the attempt was cancelled."""
        self._loop = loop
        self._names = names
        self._done = done
        self._sock: socket.socket | None = None
        self._address: Any = None
        self._candidates: list[Sockaddr] = []

    def start(self, upstream: str) -> None:
        """Look up the host of `upstream` and try its addresses in order."""
        self._names.look_up(upstream, self._on_addresses)

    def cancel(self) -> None:
        """Stop the attempt and close its socket. `done` is not called any more."""
        self.over = True
        if self._sock is not None:
            self._loop.close(self._sock)
            self._sock = None

    def _on_addresses(self, found: list[Sockaddr], problem: str) -> None:
        if self.over:
            return
        self._candidates = found[::-1]
        self._next(f"dial tcp: {problem}")

    def _next(self, problem: str) -> None:
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
                # On loopback the handshake is finished by now: a second call returns its result.
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
        self._loop.forget(sock.fileno())
        if outcome in {0, EISCONN}:
            self._finish(sock, "")
        else:
            sock.close()
            self._next(_connect_error(self._address, outcome))

    def _finish(self, sock: socket.socket | None, problem: str) -> None:
        self.over = True
        self._done(sock, problem)


def _connect_error(address: Any, code: int) -> str:
    return f"dial tcp {text(address)}: connect: {os.strerror(code).lower()}"
