"""One direction of a connection: bytes from a source, through a chain of toxics, to a sink.

Without toxics, bytes are forwarded in the same event that announced them: a few through one
shared buffer, bulk data with `splice`, which copies nothing. With toxics, the bytes read become
chunks of at most 32 KiB, as in Toxiproxy, that pass from stub to stub (see `_chain`).

The source is read while the first stub has room or, without toxics, while no bytes wait to be
sent. So a slow receiver slows its sender down, as with TCP (backpressure).
"""

import os
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from harness.proxy._chain import StubChain
from harness.proxy._endpoint import Endpoint
from harness.proxy._loop import Loop
from harness.proxy._pipes import AVAILABLE as CAN_SPLICE
from harness.proxy._pipes import Pipe, PipePool
from harness.proxy._stub import Chunk, Stub
from harness.proxy._toxic_wrapper import UPSTREAM

CHUNK_BYTES: Final = 32 * 1024
_BUFFER: Final = memoryview(bytearray(64 * 1024))
"""Shared by all links: data in it is sent, or copied, before the next read."""
_SPLICE_BYTES: Final = 1 << 22
"""Limit of one `splice` from the source; the size of the pipe limits it further."""
_BULK_BYTES: Final = 16 * 1024
"""A link goes back from `splice` to the shared buffer after a read of at most this size."""
_FLAGS: Final = getattr(os, "SPLICE_F_NONBLOCK", 0) | getattr(os, "SPLICE_F_MOVE", 0)


class OwningConnection(Protocol):
    """The connection that a link belongs to."""

    loop: Loop
    pipes: PipePool
    number: int
    upstream_link: "Link | None"
    downstream_link: "Link | None"

    def link_finished(self, link: "Link") -> None:
        """React to the end of one direction."""

    def reset(self) -> None:
        """Close both sides at once, with RST."""

    def close(self) -> None:
        """Close both sides at once."""

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line."""


class Link(StubChain):
    """Carries bytes in one direction.

    Args:
        connection: The connection that the link belongs to.
        stream: `upstream` (to the server) or `downstream` (to the client).
        source: The endpoint that is read.
        sink: The endpoint that is written to.
    """

    __slots__ = (
        "_bulk",
        "_pipe",
        "_unsent",
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

    def __init__(
        self, connection: OwningConnection, stream: str, source: Endpoint, sink: Endpoint
    ) -> None:
        super().__init__()
        self.connection = connection
        self.loop = connection.loop
        self.stream = stream
        self.source = source
        self.sink = sink
        self.reading = True
        self.pending = False
        """True while bytes wait for the sink to become writable."""
        self.received = 0
        self.sent = 0
        self.taps: tuple[Callable[[bytes], None], ...] = ()
        """Functions that are called with all bytes read from the source."""
        self._unsent: deque[bytes | memoryview] | None = None
        self._pipe: Pipe | None = None
        self._bulk = False
        """True while reads are large enough for `splice`."""

    # Reading.

    def on_readable(self) -> None:
        """Read once from the source, and forward the bytes."""
        if not self.reading:
            return
        if self.first is not None:
            self._read_chunk(self.first)
            return
        if self._bulk and not self.taps and (pipe := self.connection.pipes.acquire()):
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
            self._buffer(bytes(data[sent:]))
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
            pool.release(pipe)
            return
        except OSError:
            count = 0
        if not count:
            pool.release(pipe)
            self.end()
            return
        self.received += count
        pipe.filled = count
        self._bulk = count > _BULK_BYTES
        self._pipe = pipe
        if self._drain_pipe(pipe) or self.finished:
            return
        self.pending = True
        self.update_reading()
        self.sink.refresh()

    def update_reading(self) -> None:
        """Start or stop reading, according to whether there is room for more bytes."""
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
        """Handle the end of the source: forward the remaining bytes, then finish."""
        if self.eof:
            return
        self.eof = True
        self.reading = False
        if self.first is None:
            self.end_output()
        else:
            self.first.end()
        self.source.refresh()  # last, because the endpoint is usually closed by now

    # Writing.

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes to the sink, and buffer those that it does not take now."""
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
        self._buffer(data)

    def _buffer(self, data: bytes | memoryview) -> None:
        if self._unsent is None:
            self._unsent = deque()
        self._unsent.append(data)
        if not self.pending:
            self.pending = True
            self.sink.refresh()

    def on_writable(self) -> None:
        """Send buffered bytes; once all are sent, get more from the chain or the source."""
        if not self.pending or self.finished:
            return
        if self._pipe is not None and not self._drain_pipe(self._pipe):
            return
        if self._unsent and not self._send_unsent(self._unsent):
            return
        self._unsent = None
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

    def _send_unsent(self, unsent: deque[bytes | memoryview]) -> bool:
        while unsent:
            data = unsent[0]
            try:
                sent = self.sink.sock.send(data)
            except BlockingIOError:
                return False
            except OSError:
                self.fail()
                return False
            self.sent += sent
            if sent < len(data):
                unsent[0] = memoryview(data)[sent:]
                return False
            unsent.popleft()
        return True

    def _drain_pipe(self, pipe: Pipe) -> bool:
        """Move bytes from the pipe to the sink; return True if it is empty now."""
        while pipe.filled:
            try:
                count = os.splice(pipe.reader, self.sink.fd, pipe.filled, flags=_FLAGS)
            except BlockingIOError:
                return False
            except OSError:
                self.fail()
                return False
            pipe.filled -= count
            self.sent += count
        self._pipe = None
        self.connection.pipes.release(pipe)
        return True

    def end_output(self) -> None:
        """Handle the end of the chain's output: finish once all buffered bytes are sent."""
        if self.output_ended:
            return
        self.output_ended = True
        if not self.pending:
            self._finish()

    def fail(self) -> None:
        """Handle an error of the sink: drop all buffered bytes, and finish."""
        if not self.finished:
            self._finish()

    def _finish(self) -> None:
        self.release()
        self.connection.link_finished(self)

    def release(self) -> None:
        """Stop the chain and release all buffers, without informing the connection."""
        self.finished = True
        self.pending = False
        self.update_reading()
        self.output_ended = True
        self._unsent = None
        if self._pipe is not None:
            self.connection.pipes.release(self._pipe)
            self._pipe = None
        self.clear()

    # Services for toxics.

    @property
    def number(self) -> int:
        """The connection's number."""
        return self.connection.number

    def close_connection(self, *, reset: bool = False) -> None:
        """Close both sides of the connection at once, with FIN or, if `reset`, with RST."""
        if reset:
            self.connection.reset()
        else:
            self.connection.close()

    def add_tap(self, tap: Callable[[bytes], None]) -> None:
        """Call `tap` with all bytes that the opposite link reads from now on."""
        other = self._opposite()
        other.taps = (*other.taps, tap)

    def remove_tap(self, tap: Callable[[bytes], None]) -> None:
        """Undo `add_tap`; a tap that is not there is ignored."""
        other = self._opposite()
        other.taps = tuple(known for known in other.taps if known != tap)

    def _opposite(self) -> "Link":
        other = (
            self.connection.downstream_link
            if self.stream == UPSTREAM
            else self.connection.upstream_link
        )
        assert other is not None
        return other

    def toxic_failed(self, stub: Stub, error: Exception) -> None:
        """Log an exception of a toxic and remove the toxic from this link."""
        self.connection.log("error", "toxic_failed", toxic=stub.wrapper.name, error=repr(error))
        if not self.finished:
            self.remove(stub)
