"""One direction of a connection: bytes from a source, through a chain of toxics, to a sink.

Without toxics, bytes are sent in the same event that reported them readable: small amounts through
one shared buffer, bulk data with `splice`, which copies nothing. With toxics, the bytes read become
chunks of at most 32 KiB that pass from stub to stub (see `_chain`).

A link reads from its source while the first stub has room or, without toxics, while no output is
pending. So a slow receiver slows its sender down, as with a direct TCP connection.
"""

import os
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from harness.proxy._chain import Chain
from harness.proxy._endpoint import Endpoint
from harness.proxy._loop import Loop
from harness.proxy._pipes import AVAILABLE as CAN_SPLICE
from harness.proxy._pipes import Pipe, PipePool
from harness.proxy._placement import UPSTREAM
from harness.proxy._stub import Chunk, Stub

CHUNK_BYTES: Final = 32 * 1024
"""Largest chunk that enters a chain of toxics, in bytes."""
_BUFFER: Final = memoryview(bytearray(64 * 1024))
_SPLICE_BYTES: Final = 1 << 22
_BULK_BYTES: Final = 16 * 1024
"""A link keeps using `splice` while one call moves more than this many bytes."""
_FLAGS: Final = getattr(os, "SPLICE_F_NONBLOCK", 0) | getattr(os, "SPLICE_F_MOVE", 0)


class Owner(Protocol):
    """The connection that a link belongs to, as far as the link uses it."""

    loop: Loop
    pipes: PipePool
    number: int
    up: "Link | None"
    down: "Link | None"

    def link_finished(self, link: "Link") -> None:
        """Handle the end of one direction: all its output is sent, or its sink has failed."""

    def reset(self) -> None:
        """Close both sockets immediately with RST; discard bytes not yet sent."""

    def close(self) -> None:
        """Close both sockets immediately, without RST; discard bytes not yet sent."""

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line about the connection."""


class Link(Chain):
    """Forward the bytes of one direction of a connection.

    Args:
        connection: The connection that the link belongs to.
        stream: The direction, "upstream" or "downstream".
        source: The endpoint to read from.
        sink: The endpoint to write to.
    """

    __slots__ = (
        "_bulk",
        "_output",
        "_pipe",
        "connection",
        "loop",
        "pending",
        "reading",
        "received",
        "sent",
        "sink",
        "source",
        "stream",
        "taps",
    )

    def __init__(self, connection: Owner, stream: str, source: Endpoint, sink: Endpoint) -> None:
        super().__init__()
        self.connection = connection
        self.loop = connection.loop
        self.stream = stream
        self.source = source
        self.sink = sink
        self.reading = True
        self.pending = False
        """Whether output waits for the sink to become writable."""
        self.received = 0
        self.sent = 0
        self.taps: tuple[Callable[[bytes], None], ...] = ()
        """Callbacks that receive a copy of all bytes read."""
        self._output: deque[bytes | memoryview] | None = None
        self._pipe: Pipe | None = None
        self._bulk = False

    # Reading.

    def on_readable(self) -> None:
        """Read once from the source and forward the bytes to the sink or the first toxic."""
        if not self.reading:
            return
        if self.first is not None:
            self._read_chunk(self.first)
            return
        if self._bulk and not self.taps and (pipe := self.connection.pipes.take()):
            self._splice(pipe)
            return
        try:
            count = self.source.sock.recv_into(_BUFFER)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if not count:
            self.end()
            return
        self.received += count
        data = _BUFFER[:count]
        for tap in self.taps:
            tap(bytes(data))
        try:
            sent = self.sink.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.fail()
            return
        self.sent += sent
        if sent < count:
            self._queue_output(bytes(data[sent:]))
            self.update_reading()
        elif count == len(_BUFFER) and CAN_SPLICE:
            self._bulk = True

    def _read_chunk(self, first: Stub) -> None:
        try:
            data = self.source.sock.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end()
            return
        self.received += len(data)
        for tap in self.taps:
            tap(data)
        first.push(Chunk(data, self.loop.time()))
        self.update_reading()

    def _splice(self, pipe: Pipe) -> None:
        pool = self.connection.pipes
        try:
            count = os.splice(self.source.fd, pipe.writer, _SPLICE_BYTES, flags=_FLAGS)
        except BlockingIOError:
            pool.give(pipe)
            return
        except OSError:
            count = 0
        if not count:
            pool.give(pipe)
            self.end()
            return
        self.received += count
        pipe.held = count
        self._bulk = count > _BULK_BYTES
        self._pipe = pipe
        if self._drain_pipe(pipe) or self.finished:
            return
        self.pending = True
        self.update_reading()
        self.sink.refresh()

    def update_reading(self) -> None:
        """Start or stop reading, depending on whether there is room for more bytes."""
        if self.eof or self.finished:
            reading = False
        elif self.first is not None:
            reading = self.first.has_room()
        else:
            reading = not self.pending
        if reading != self.reading:
            self.reading = reading
            self.source.refresh()

    def end(self) -> None:
        """Handle the end of the source: deliver the bytes still in the chain, then finish."""
        if self.eof:
            return
        self.eof = True
        self.reading = False
        if self.first is None:
            self.end_output()
        else:
            self.first.end()
        self.source.refresh()  # last, because it is usually closed by now

    # Writing.

    def write(self, data: bytes | memoryview) -> None:
        """Send what the sink accepts now and queue the rest."""
        if self.finished or self.output_ended:
            return
        if not self.pending:
            try:
                sent = self.sink.sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.fail()
                return
            self.sent += sent
            if sent == len(data):
                return
            data = memoryview(data)[sent:]
        self._queue_output(data)

    def _queue_output(self, data: bytes | memoryview) -> None:
        if self._output is None:
            self._output = deque()
        self._output.append(data)
        if not self.pending:
            self.pending = True
            self.sink.refresh()

    def on_writable(self) -> None:
        """Send the pending output; once all is sent, resume the chain and reading."""
        if not self.pending or self.finished:
            return
        if self._pipe is not None and not self._drain_pipe(self._pipe):
            return
        if self._output and not self._drain_output(self._output):
            return
        self._output = None
        self.pending = False
        if self.output_ended:
            self._finish()
            return
        if self.last is not None:
            self.last.wake()
        self.update_reading()
        self.sink.refresh()
        if self._bulk:
            self.on_readable()

    def _drain_output(self, out: deque[bytes | memoryview]) -> bool:
        """Send the queued output to the sink; return whether all of it is sent."""
        while out:
            data = out[0]
            try:
                sent = self.sink.sock.send(data)
            except BlockingIOError:
                return False
            except OSError:
                self.fail()
                return False
            self.sent += sent
            if sent < len(data):
                out[0] = memoryview(data)[sent:]
                return False
            out.popleft()
        return True

    def _drain_pipe(self, pipe: Pipe) -> bool:
        """Move bytes from the pipe to the sink; return whether the pipe is empty."""
        while pipe.held:
            try:
                count = os.splice(pipe.reader, self.sink.fd, pipe.held, flags=_FLAGS)
            except BlockingIOError:
                return False
            except OSError:
                self.fail()
                return False
            pipe.held -= count
            self.sent += count
        self._pipe = None
        self.connection.pipes.give(pipe)
        return True

    def end_output(self) -> None:
        """Handle the end of the chain's output: finish once the pending output is sent."""
        if self.output_ended:
            return
        self.output_ended = True
        if not self.pending:
            self._finish()

    def fail(self) -> None:
        """Handle a failed sink: discard the bytes still in the link, and finish."""
        if not self.finished:
            self._finish()

    def _finish(self) -> None:
        self.release()
        self.connection.link_finished(self)

    def release(self) -> None:
        """Stop the chain, discard pending output and return the pipe to the pool."""
        self.finished = True
        self.pending = False
        self.update_reading()
        self.output_ended = True
        self._output = None
        if self._pipe is not None:
            self.connection.pipes.give(self._pipe)
            self._pipe = None
        self.clear()

    # Operations for toxics, beyond changing the bytes of this link.

    @property
    def number(self) -> int:
        """Return the number of the connection, which seeds a toxic's random draws."""
        return self.connection.number

    def close_connection(self, *, reset: bool = False) -> None:
        """Close both sockets of the connection immediately; if `reset`, with RST."""
        if reset:
            self.connection.reset()
        else:
            self.connection.close()

    def tap_opposite(self, tap: Callable[[bytes], None]) -> None:
        """Pass a copy of all bytes that the opposite link reads from now on to `tap`."""
        other = self._opposite()
        other.taps = (*other.taps, tap)

    def untap_opposite(self, tap: Callable[[bytes], None]) -> None:
        """Remove a callback that `tap_opposite` has added."""
        other = self._opposite()
        other.taps = tuple(existing for existing in other.taps if existing != tap)

    def _opposite(self) -> "Link":
        other = self.connection.down if self.stream == UPSTREAM else self.connection.up
        assert other is not None
        return other

    def toxic_failed(self, stub: Stub, error: Exception) -> None:
        """Log an exception raised by a toxic, and remove the toxic from this link."""
        self.connection.log("error", "toxic_failed", toxic=stub.placement.name, error=repr(error))
        if not self.finished:
            self.remove(stub)
