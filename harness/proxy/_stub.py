"""Runs one toxic in one link (Toxiproxy's `ToxicStub`): its input, its output, its scheduling.

    source > Stub(latency) > Stub(bandwidth) > sink

Each stub runs the `pipe(stub)` coroutine of its toxic. The chunk that `receive` returns stays
`stub.current` until the toxic forwards or drops it. So a stub can be stopped at any `await`, and
its current chunk can still be forwarded: a change to a chain neither loses nor reorders a byte,
and never waits for a receiver that does not read.
"""

import random
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Protocol

from harness.proxy._loop import Loop, Timer

MAX_CHUNKS_PER_STEP: Final = 16
"""Chunks that a stub forwards before other stubs run; each may cost a system call."""


class Chunk:
    """Bytes, and the loop's time at which they were received; toxics that delay them advance it."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes | memoryview, at: float) -> None:
        self.data = data
        self.at = at


class WrappedToxic(Protocol):
    """The entry of the proxy's toxics that a stub runs."""

    name: str
    direction: str

    @property
    def toxic(self) -> "ToxicBehavior":
        """The toxic with its present settings."""

    def rng(self, connection: int, purpose: str) -> random.Random:
        """Return a random number generator for one connection and purpose."""


class ToxicBehavior(Protocol):
    """What a stub needs of a toxic; `harness.proxy.toxics.Toxic` describes the members."""

    @property
    def queue_limit(self) -> int:
        """How many chunks the stub queues before it stops reading."""

    @property
    def keeps_current_on_update(self) -> bool:
        """Whether the stub keeps its current chunk when the toxic is updated."""

    def attach(self, stub: "Stub") -> None:
        """Prepare a link for the toxic."""

    def detach(self, stub: "Stub") -> None:
        """Undo `attach`."""

    def pipe(self, stub: "Stub") -> Coroutine[Any, Any, None]:
        """Move chunks from the stub's input to its output until the stream ends."""


class LinkInterface(Protocol):
    """The link that a stub belongs to.

    `pending` is True while bytes wait for the sink to become writable.
    """

    __slots__ = ()

    loop: Loop
    pending: bool

    @property
    def number(self) -> int:
        """The number of the connection."""

    def schedule(self, stub: "Stub") -> None:
        """Run a stub now, or after those that were scheduled before."""

    def update_reading(self) -> None:
        """Start or stop reading the source, after the room in the first stub changed."""

    def write(self, data: bytes | memoryview) -> None:
        """Send the output of the last stub to the sink."""

    def end_output(self) -> None:
        """Handle the end of the last stub's output."""

    def toxic_failed(self, stub: "Stub", error: Exception) -> None:
        """Remove the stub of a toxic that raised an exception."""

    def close_connection(self, *, reset: bool = False) -> None:
        """Close both sides of the connection at once, with RST if `reset`."""

    def add_tap(self, tap: Callable[[bytes], None]) -> None:
        """Call `tap` with all bytes that the opposite link reads."""

    def remove_tap(self, tap: Callable[[bytes], None]) -> None:
        """Undo `add_tap`."""


class Stub:
    """Runs one toxic in one direction of one connection."""

    __slots__ = (
        "_attached",
        "_coroutine",
        "_forwarded",
        "_random",
        "_timer",
        "_timer_fired",
        "_waiting",
        "closed",
        "current",
        "input_ended",
        "link",
        "next",
        "previous",
        "queue",
        "state",
        "wrapper",
    )

    def __init__(self, link: LinkInterface, wrapper: WrappedToxic) -> None:
        self.link = link
        self.wrapper = wrapper
        self.previous: Stub | None = None
        self.next: Stub | None = None
        self.queue: deque[Chunk] = deque()
        self.current: Chunk | None = None
        """The chunk that the toxic is processing."""
        self.input_ended = False
        """True if no chunk follows the queued ones."""
        self.closed = False
        """True if the toxic has ended the stream; further input is dropped."""
        self.state: Any = None
        """State of the toxic for this link; it survives updates of the toxic."""
        self._coroutine: Coroutine[Any, Any, None] | None = None
        self._waiting = False
        self._forwarded = 0
        self._timer: Timer | None = None
        self._timer_fired = False
        self._attached = False
        self._random: random.Random | None = None

    # Used by toxics.

    async def receive(self, until: float | None = None) -> Chunk | None:
        """Return the next chunk, or None at the end of the stream.

        Args:
            until: Deadline on the loop's clock.

        Raises:
            TimeoutError: No chunk has arrived by the deadline.
        """
        if until is not None:
            self._set_timer(until)
        while not self.queue:
            if self.input_ended:
                return None
            if until is not None and self._timer_fired:
                raise TimeoutError
            await self._wait()
        self._clear_timer()
        self.current = chunk = self.queue.popleft()
        if self.previous is None:
            self.link.update_reading()
        else:
            self.previous.wake()
        return chunk

    async def receive_more(self) -> Chunk | None:
        """Append the next chunk to the current one; return it, or None at the end of the stream."""
        while not self.queue:
            if self.input_ended:
                return None
            await self._wait()
        before = self.current
        chunk = await self.receive()
        if before is not None and chunk is not None:
            self.current = chunk = Chunk(bytes(before.data) + bytes(chunk.data), before.at)
        return chunk

    async def forward(self, size: int | None = None, until: float | None = None) -> None:
        """Forward bytes of the current chunk, as soon as the output has room.

        Args:
            size: How many bytes from its start; None means all. The rest stays current.
            until: Deadline on the loop's clock.

        Raises:
            TimeoutError: The output has had no room by the deadline.
        """
        if self._forwarded >= MAX_CHUNKS_PER_STEP:
            await self.yield_control()
        self._forwarded += 1
        if until is not None and not self._has_output_room():
            self._set_timer(until)
        while not self._has_output_room():
            if until is not None and self._timer_fired:
                raise TimeoutError
            await self._wait()
        self._clear_timer()
        chunk = self.current
        if chunk is None:
            return
        if size is None or size >= len(chunk.data):
            self.current = None
            self._emit(chunk)
        else:
            data = memoryview(chunk.data)
            self.current = Chunk(data[size:], chunk.at)
            self._emit(Chunk(data[:size], chunk.at))

    def drop(self) -> None:
        """Drop the current chunk."""
        self.current = None

    async def sleep_until(self, when: float) -> None:
        """Wait until the loop's clock shows `when`."""
        if when <= self.time():
            return
        self._set_timer(when)
        while not self._timer_fired:
            await self._wait()
        self._timer = None

    async def yield_control(self) -> None:
        """Let other stubs and the event loop run, during long work."""
        self.link.schedule(self)
        await self._wait()

    async def wait_forever(self) -> None:
        """Wait until the stub is stopped."""
        while True:
            await self._wait()

    def time(self) -> float:
        """Return the time of the loop's clock, in wall-clock seconds."""
        return self.link.loop.time()

    @property
    def random(self) -> random.Random:
        """Random numbers; the same for the same seed, proxy, toxic and connection number."""
        if self._random is None:
            self._random = self.wrapper.rng(self.link.number, "draws")
        return self._random

    # Used by the link and by neighboring stubs.

    def start(self) -> None:
        """Start the toxic's coroutine."""
        self._waiting = False
        if not self._attached:
            self._attached = True
            self.wrapper.toxic.attach(self)
        self._coroutine = self.wrapper.toxic.pipe(self)
        self.link.schedule(self)

    def wake(self) -> None:
        """Continue the coroutine if it waits, so that it checks its condition again."""
        if self._waiting:
            self._waiting = False
            self.link.schedule(self)

    def push(self, chunk: Chunk) -> None:
        """Queue a chunk, even beyond the queue limit."""
        # A chunk can arrive after the end of the input if a toxic before this one ended the
        # stream and was removed since. It follows bytes that were dropped, so it is dropped too.
        if not self.closed and not self.input_ended:
            self.queue.append(chunk)
            self.wake()

    def end(self) -> None:
        """Mark the end of the input, behind the queued chunks."""
        self.input_ended = True
        self.wake()

    def has_room(self) -> bool:
        """Return True if the stub before may push another chunk."""
        if self.closed or self.input_ended:
            return False
        return len(self.queue) < self.wrapper.toxic.queue_limit

    def stop(self) -> None:
        """Stop the coroutine at its present `await`; keep the queue and the current chunk."""
        self._clear_timer()
        self._waiting = False
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is not None and not getattr(coroutine, "cr_running", False):
            # A coroutine that is running has stopped itself (its write failed); step() closes it.
            coroutine.close()

    def flush_current(self) -> None:
        """Forward the current chunk of a stopped toxic at once."""
        if self.current is not None:
            chunk, self.current = self.current, None
            self._emit(chunk)

    def flush(self) -> None:
        """Forward all chunks of a stopped toxic at once, and the end of its input if reached."""
        chunks = [self.current] if self.current is not None else []
        chunks += self.queue
        self.current = None
        self.queue.clear()
        ended = self.input_ended and not self.closed
        if self.next is None:
            for chunk in chunks:
                self.link.write(chunk.data)
            if ended:
                self.link.end_output()
        elif not self.next.closed and not self.next.input_ended:
            # All chunks are queued before the next stub wakes. When that stub takes a chunk, the
            # stub before may push another one, which must not overtake these chunks or come
            # after the end.
            self.next.queue.extend(chunks)
            self.next.input_ended = ended
            self.next.wake()

    def step(self) -> None:
        """Run the toxic's coroutine until it waits."""
        coroutine = self._coroutine
        if coroutine is None:
            return
        self._waiting = False
        self._forwarded = 0
        try:
            coroutine.send(None)
        except StopIteration:
            if self._coroutine is coroutine:
                self._coroutine = None
                self._close_output()
        except Exception as error:  # noqa: BLE001  (a bug in a toxic must not stop the server)
            if self._coroutine is coroutine:
                self._coroutine = None
                self.link.toxic_failed(self, error)
        else:
            if self._coroutine is not coroutine:
                coroutine.close()  # stopped while it was running, see stop()

    def _close_output(self) -> None:
        self.closed = True
        self.current = None
        self.queue.clear()
        self._clear_timer()
        self._emit_end()

    def _has_output_room(self) -> bool:
        return not self.link.pending if self.next is None else self.next.has_room()

    def _emit(self, chunk: Chunk) -> None:
        if self.next is None:
            self.link.write(chunk.data)
        else:
            self.next.push(chunk)

    def _emit_end(self) -> None:
        if self.next is None:
            self.link.end_output()
        else:
            self.next.end()

    @types.coroutine
    def _wait(self) -> Generator[None, None, None]:
        self._waiting = True
        yield

    def _set_timer(self, when: float) -> None:
        self._clear_timer()
        self._timer = self.link.loop.call_at(when, self._on_timer)

    def _clear_timer(self) -> None:
        self._timer_fired = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        self._timer_fired = True
        self.wake()
