"""One socket of a connection, and which events the loop watches it for."""

import socket
from typing import Protocol

from harness.proxy._loop import ERROR_OR_HANGUP, READ, WRITE, Loop


class Incoming(Protocol):
    """The link that reads from the socket."""

    reading: bool
    eof: bool

    def on_readable(self) -> None:
        """Read the data that is available."""


class Outgoing(Protocol):
    """The link that writes to the socket."""

    pending: bool

    def on_writable(self) -> None:
        """Write buffered data."""

    def fail(self) -> None:
        """End the link, because its sink does not accept data any more."""


class Endpoint:
    """Watches a socket for the events that its two links need.

    `incoming` reads from the socket, `outgoing` writes to it. They call `refresh` after a change.
    """

    __slots__ = ("_loop", "_mask", "_unwatched", "fd", "incoming", "outgoing", "sock")

    incoming: Incoming
    outgoing: Outgoing

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self._loop = loop
        self.sock = sock
        self.fd = sock.fileno()
        self._mask = 0
        self._unwatched = False

    def open(self, incoming: Incoming, outgoing: Outgoing) -> None:
        """Set the two links and start to watch the socket."""
        self.incoming = incoming
        self.outgoing = outgoing
        self._mask = READ if incoming.reading else 0
        self._loop.watch(self.fd, self._mask, self.on_event)

    def on_event(self, events: int) -> None:
        """Pass readiness and errors of the socket to the links."""
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
            # Nothing can be written to the socket either. End that link too: without data to
            # write it would not notice.
            self.outgoing.fail()
        if self.fd >= 0 and not self._mask & READ:
            # As long as the socket is not read, the poller reports a reset again and again.
            # Bytes that arrived before the reset can still be read, so the socket stays open but
            # is not watched any more.
            self._loop.forget(self.fd)
            self._unwatched = True
            self.refresh()

    def refresh(self) -> None:
        """Watch the socket for the events that the links need now."""
        if self.fd < 0:
            return
        mask = (READ if self.incoming.reading else 0) | (WRITE if self.outgoing.pending else 0)
        if self._unwatched:
            if mask & READ:
                self._loop.call_soon(self._read_unwatched)
        elif mask != self._mask:
            self._mask = mask
            self._loop.change(self.fd, mask)

    def _read_unwatched(self) -> None:
        if self.fd >= 0 and self.incoming.reading:
            self.incoming.on_readable()
        if self.fd >= 0 and self.incoming.eof:
            self.outgoing.fail()
        self.refresh()

    def close(self) -> None:
        """Close the socket; do nothing if it is closed already."""
        if self.fd >= 0:
            self.fd = -1
            self._loop.close(self.sock)
