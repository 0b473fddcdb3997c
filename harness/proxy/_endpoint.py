"""One socket of a connection, shared by the link that reads it and the link that writes it."""

import socket
from typing import Protocol

from harness.proxy._loop import HANGUP, READ, WRITE, Loop


class ReadingLink(Protocol):
    """The link that reads from the socket.

    `reading` is True while it wants data, `eof` once it has read the end of the stream.
    """

    reading: bool
    eof: bool

    def on_readable(self) -> None:
        """Read what the socket has, because it became readable."""


class WritingLink(Protocol):
    """The link that writes to the socket; `pending` is True while data waits to be sent."""

    pending: bool

    def on_writable(self) -> None:
        """Send buffered data, because the socket accepts some again."""

    def fail(self) -> None:
        """Finish the link, because nothing can be written to the socket any more."""


class Endpoint:
    """Registers a socket with the loop for the events that its two links wait for."""

    __slots__ = ("_hung_up", "_loop", "_mask", "fd", "incoming", "outgoing", "sock")

    incoming: ReadingLink
    outgoing: WritingLink

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self._loop = loop
        self.sock = sock
        self.fd = sock.fileno()
        self._mask = 0
        self._hung_up = False

    def open(self, incoming: ReadingLink, outgoing: WritingLink) -> None:
        """Register the socket with the loop on behalf of its two links."""
        self.incoming = incoming
        self.outgoing = outgoing
        self._mask = READ if incoming.reading else 0
        self._loop.watch(self.fd, self._mask, self.on_event)

    def on_event(self, events: int) -> None:
        """Pass an event of the loop to the links."""
        if events == READ:
            self.incoming.on_readable()
            return
        if events & WRITE:
            self.outgoing.on_writable()
        if events & (READ | HANGUP) and self.fd >= 0:
            self.incoming.on_readable()
        if events & HANGUP:
            self._on_hangup()

    def _on_hangup(self) -> None:
        if self.fd >= 0 and self.incoming.eof:
            # The socket cannot be written to any more either. Without a pending write, the
            # writing link would not notice.
            self.outgoing.fail()
        if self.fd >= 0 and not self._mask & READ:
            # The loop reports a reset at every poll until the socket is read, so the socket is
            # unwatched. It stays open, because bytes that arrived before the reset can still
            # be read.
            self._loop.unwatch(self.fd)
            self._hung_up = True
            self.refresh()

    def refresh(self) -> None:
        """Update the events that the loop watches for, after a link changed its needs."""
        if self.fd < 0:
            return
        mask = (READ if self.incoming.reading else 0) | (WRITE if self.outgoing.pending else 0)
        if self._hung_up:
            if mask & READ:
                self._loop.call_soon(self._read_hung_up)
        elif mask != self._mask:
            self._mask = mask
            self._loop.modify(self.fd, mask)

    def _read_hung_up(self) -> None:
        if self.fd >= 0 and self.incoming.reading:
            self.incoming.on_readable()
        if self.fd >= 0 and self.incoming.eof:
            self.outgoing.fail()
        self.refresh()

    def close(self) -> None:
        """Close the socket; does nothing the second time."""
        if self.fd >= 0:
            self.fd = -1
            self._loop.close(self.sock)
