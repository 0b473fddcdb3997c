"""One socket of a connection, with the link that reads from it and the link that writes to it."""

import socket
from typing import Protocol

from harness.proxy._loop import ERROR_OR_HANGUP, READ, WRITE, Loop


class Incoming(Protocol):
    """The link that reads from the socket."""

    reading: bool
    eof: bool

    def on_readable(self) -> None:
        """Read what there is."""


class Outgoing(Protocol):
    """The link that writes to the socket."""

    pending: bool

    def on_writable(self) -> None:
        """Write what is held."""

    def fail(self) -> None:
        """Nothing can be written any more."""


class Endpoint:
    """Keeps the loop's interest in a socket equal to what its two links want."""

    __slots__ = ("_dead", "_loop", "_mask", "fd", "incoming", "outgoing", "sock")

    incoming: Incoming
    outgoing: Outgoing

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self._loop = loop
        self.sock = sock
        self.fd = sock.fileno()
        self._mask = 0
        self._dead = False

    def open(self, incoming: Incoming, outgoing: Outgoing) -> None:
        """Start to watch the socket for its links."""
        self.incoming = incoming
        self.outgoing = outgoing
        self._mask = READ if incoming.reading else 0
        self._loop.watch(self.fd, self._mask, self.on_event)

    def on_event(self, events: int) -> None:
        """Let the links read and write."""
        if events == READ:
            self.incoming.on_readable()
            return
        if events & WRITE:
            self.outgoing.on_writable()
        if events & (READ | ERROR_OR_HANGUP) and self.fd >= 0:
            self.incoming.on_readable()
        if events & ERROR_OR_HANGUP:
            self._on_trouble()

    def _on_trouble(self) -> None:
        if self.fd >= 0 and self.incoming.eof:
            # Nothing can be written to it any more either, even if nobody tries just now.
            self.outgoing.fail()
        if self.fd >= 0 and not self._mask & READ:
            # A reset is announced again and again to those who do not read. Bytes that came
            # before it are still to be had, so the socket stays open, only unwatched.
            self._loop.forget(self.fd)
            self._dead = True
            self.refresh()

    def refresh(self) -> None:
        """Watch for what the links want now."""
        if self.fd < 0:
            return
        mask = (READ if self.incoming.reading else 0) | (WRITE if self.outgoing.pending else 0)
        if self._dead:
            if mask & READ:
                self._loop.call_soon(self._attend_dead)
        elif mask != self._mask:
            self._mask = mask
            self._loop.change(self.fd, mask)

    def _attend_dead(self) -> None:
        if self.fd >= 0 and self.incoming.reading:
            self.incoming.on_readable()
        if self.fd >= 0 and self.incoming.eof:
            self.outgoing.fail()
        self.refresh()

    def close(self) -> None:
        """Close the socket, if it still is open."""
        if self.fd >= 0:
            self.fd = -1
            self._loop.close(self.sock)
