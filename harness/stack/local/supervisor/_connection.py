"""A control connection of the supervisor: whole lines in and out, without blocking."""

import selectors
import socket
from collections.abc import Callable
from contextlib import suppress

from .._messages import Message, Output, Request, decode_request, encode

_MAX_QUEUE = 16 << 20
"""Bytes that may wait for a client that reads slowly. Beyond that, output is dropped: it must
neither fill the memory nor block the service, and replies wait behind it."""


class Connection:
    """The supervisor's end of the connection to one client; calls back from the selector's loop."""

    def __init__(
        self,
        connection: socket.socket,
        selector: selectors.BaseSelector,
        on_request: Callable[["Connection", Request], None],
        on_close: Callable[["Connection"], None],
    ) -> None:
        self.follows = False
        """True if the client wants events."""
        self._socket, self._selector = connection, selector
        self._on_request, self._on_close = on_request, on_close
        self._in, self._out = bytearray(), bytearray()
        self._open = True
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ, self._ready)

    def send_output(self, output: Output) -> bool:
        """Queue `output`; return False if the client is too far behind and does not get it."""
        if len(self._out) > _MAX_QUEUE:
            return False
        self.send(output)
        return True

    def send(self, message: Message) -> None:
        """Queue `message`: send what the socket takes now, the rest when it is writable."""
        if self._open:
            self._out += encode(message)
            self._flush()

    def finish(self) -> None:
        """Send the rest of the queue, for at most 2 wall-clock seconds, and close."""
        with suppress(OSError):
            self._socket.setblocking(True)
            self._socket.settimeout(2.0)
            self._socket.sendall(self._out)
        self._socket.close()

    def _ready(self, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ and self._open:
            self._receive()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close()
            return
        self._in += data
        while self._open and (end := self._in.find(b"\n")) >= 0:
            line = bytes(self._in[:end])
            del self._in[: end + 1]
            self._on_request(self, decode_request(line))

    def _flush(self) -> None:
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            self._close()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
        self._selector.modify(self._socket, events, self._ready)

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._selector.unregister(self._socket)
            self._socket.close()
            self._on_close(self)
