"""One direction of a connection: bytes from a source, through a chain of toxics, to a sink.

With no toxic in the chain, bytes are handed over in the event that announced them: small ones
through one shared buffer, bulk ones by `splice`, which copies nothing. With toxics, what is
read becomes chunks of at most 32 KiB that pass from stub to stub (see `_chain`).

One rule governs reading: read while the first stub has room, or, with no toxic, while nothing
is waiting to be written. So a slow receiver slows its sender down, as TCP does.
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
_BUFFER: Final = memoryview(bytearray(64 * 1024))
_SPLICE_BYTES: Final = 1 << 22
_BULK_BYTES: Final = 16 * 1024
_FLAGS: Final = getattr(os, "SPLICE_F_NONBLOCK", 0) | getattr(os, "SPLICE_F_MOVE", 0)


class Owner(Protocol):
    """The connection that a link is one half of."""

    loop: Loop
    pipes: PipePool
    number: int
    up: "Link | None"
    down: "Link | None"

    def link_finished(self, link: "Link") -> None:
        """Take note that one direction is over."""

    def reset(self) -> None:
        """Close both sides at once, with RST."""

    def close(self) -> None:
        """Close both sides at once."""

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line."""


class Link(Chain):
    """Carries bytes one way."""

    __slots__ = (
        "_bulk",
        "_out",
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
        """Something waits for the sink to become writable."""
        self.received = 0
        self.sent = 0
        self.taps: tuple[Callable[[bytes], None], ...] = ()
        """They are shown all that is read."""
        self._out: deque[bytes | memoryview] | None = None
        self._pipe: Pipe | None = None
        self._bulk = False

    # Reading.

    def on_readable(self) -> None:
        """Read once, and hand over what came."""
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
            self._hold(bytes(data[sent:]))
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
        """Apply the rule: read while there is room for what comes."""
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
        """Nothing more comes from the source: let what is under way go out, then finish."""
        if self.eof:
            return
        self.eof = True
        self.reading = False
        if self.first is None:
            self.end_output()
        else:
            self.first.end()
        self.source.refresh()  # last, because most often it is closed by now

    # Writing.

    def write(self, data: bytes | memoryview) -> None:
        """Send now what can be sent now, hold the rest."""
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
        self._hold(data)

    def _hold(self, data: bytes | memoryview) -> None:
        if self._out is None:
            self._out = deque()
        self._out.append(data)
        if not self.pending:
            self.pending = True
            self.sink.refresh()

    def on_writable(self) -> None:
        """Send what is held; when all is gone, take more."""
        if not self.pending or self.finished:
            return
        if self._pipe is not None and not self._drain_pipe(self._pipe):
            return
        if self._out and not self._drain_out(self._out):
            return
        self._out = None
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

    def _drain_out(self, out: deque[bytes | memoryview]) -> bool:
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
        """Move bytes from the pipe to the sink; return whether all are gone."""
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
        """Nothing more comes out of the chain: finish once all that is held is sent."""
        if self.output_ended:
            return
        self.output_ended = True
        if not self.pending:
            self._finish()

    def fail(self) -> None:
        """The sink takes nothing any more: drop what is under way, and finish."""
        if not self.finished:
            self._finish()

    def _finish(self) -> None:
        self.release()
        self.connection.link_finished(self)

    def release(self) -> None:
        """Stop the chain and give back what the link holds."""
        self.finished = True
        self.pending = False
        self.update_reading()
        self.output_ended = True
        self._out = None
        if self._pipe is not None:
            self.connection.pipes.give(self._pipe)
            self._pipe = None
        self.clear()

    # What a toxic may ask for beyond its own bytes.

    @property
    def number(self) -> int:
        """Return the connection's number."""
        return self.connection.number

    def close_connection(self, *, reset: bool = False) -> None:
        """Close both sides at once, properly or with RST."""
        if reset:
            self.connection.reset()
        else:
            self.connection.close()

    def overhear(self, tap: Callable[[bytes], None]) -> None:
        """Show all that the other direction reads from now on to `tap`."""
        other = self._opposite()
        other.taps = (*other.taps, tap)

    def stop_overhearing(self, tap: Callable[[bytes], None]) -> None:
        """Stop showing."""
        other = self._opposite()
        other.taps = tuple(known for known in other.taps if known != tap)

    def _opposite(self) -> "Link":
        other = self.connection.down if self.stream == UPSTREAM else self.connection.up
        assert other is not None
        return other

    def toxic_failed(self, stub: Stub, error: Exception) -> None:
        """Log a toxic's own error, and carry on without the toxic."""
        self.connection.log("error", "toxic_failed", toxic=stub.placement.name, error=repr(error))
        if not self.finished:
            self.remove(stub)
