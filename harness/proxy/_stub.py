"""A toxic's place in one link: what it is given, what it passes on, when it may run.

    source > Stub(latency) > Stub(bandwidth) > sink

Each stub runs its toxic's `pipe(stub)` coroutine. The chunk that `receive` returns stays in the
stub's hand until the toxic forwards or drops it. So a stub can be stopped at any `await`, and
whatever is in its hand can be passed on: no change to a chain loses or reorders a byte, and
none has to wait for a receiver that does not read.
"""

import random
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Protocol

from harness.proxy._loop import Loop, Timer

MOST_AT_ONCE: Final = 16
"""Chunks that a stub passes on in one turn; each may be a system call."""


class Chunk:
    """Some bytes, and when they came (moved on by toxics that delay them)."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes | memoryview, at: float) -> None:
        self.data = data
        self.at = at


class Placed(Protocol):
    """The toxic that a stub runs, as it was placed on the proxy."""

    name: str
    direction: str

    @property
    def toxic(self) -> "Piping":
        """Its settings, the latest."""

    def chance(self, connection: int, purpose: str) -> random.Random:
        """Return a source of chance for one connection and purpose."""


class Piping(Protocol):
    """What a toxic does with a stub."""

    @property
    def queue_limit(self) -> int:
        """How many chunks may wait before it."""

    @property
    def keeps_hand(self) -> bool:
        """Whether an update leaves what is in hand there."""

    def attach(self, stub: "Stub") -> None:
        """Take part in a link."""

    def detach(self, stub: "Stub") -> None:
        """Undo `attach`."""

    def pipe(self, stub: "Stub") -> Coroutine[Any, Any, None]:
        """Move chunks from the stub's input to its output until the stream ends."""


class Line(Protocol):
    """The link that a stub is a part of."""

    __slots__ = ()

    loop: Loop
    pending: bool

    @property
    def number(self) -> int:
        """Return the connection's number."""

    def run(self, stub: "Stub") -> None:
        """Give a stub a turn."""

    def update_reading(self) -> None:
        """Read again, or no more: there is room, or there is none."""

    def write(self, data: bytes | memoryview) -> None:
        """Take what comes out of the last stub."""

    def end_output(self) -> None:
        """Nothing more comes out of it."""

    def toxic_failed(self, stub: "Stub", error: Exception) -> None:
        """Carry on without the toxic."""

    def close_connection(self, *, reset: bool = False) -> None:
        """Close both sides at once."""

    def tap_opposite(self, tap: Callable[[bytes], None]) -> None:
        """Show what the other direction reads to `tap`."""

    def untap_opposite(self, tap: Callable[[bytes], None]) -> None:
        """Stop showing."""


class Stub:
    """Runs one toxic for one direction of one connection."""

    __slots__ = (
        "_attached",
        "_burst",
        "_coroutine",
        "_due",
        "_random",
        "_timer",
        "_waiting",
        "done",
        "ended",
        "hand",
        "link",
        "next",
        "placement",
        "previous",
        "queue",
        "state",
    )

    def __init__(self, link: Line, placement: Placed) -> None:
        self.link = link
        self.placement = placement
        self.previous: Stub | None = None
        self.next: Stub | None = None
        self.queue: deque[Chunk] = deque()
        self.hand: Chunk | None = None
        self.ended = False
        """Nothing will come after what is queued."""
        self.done = False
        """The toxic has closed the stream; what still comes is dropped."""
        self.state: Any = None
        """The toxic's own memory; it lives as long as the stub, through updates too."""
        self._coroutine: Coroutine[Any, Any, None] | None = None
        self._waiting = False
        self._burst = 0
        self._timer: Timer | None = None
        self._due = False
        self._attached = False
        self._random: random.Random | None = None

    # What a toxic uses.

    async def receive(self, until: float | None = None) -> Chunk | None:
        """Return the next chunk, None at the end of the stream.

        With `until`, raise TimeoutError if nothing has come by that time.
        """
        if until is not None:
            self._set_timer(until)
        while not self.queue:
            if self.ended:
                return None
            if until is not None and self._due:
                raise TimeoutError
            await self._wait()
        self._clear_timer()
        self.hand = chunk = self.queue.popleft()
        if self.previous is None:
            self.link.update_reading()
        else:
            self.previous.wake()
        return chunk

    async def receive_more(self) -> Chunk | None:
        """Add the next chunk to what is in hand; return None at the end of the stream."""
        while not self.queue:
            if self.ended:
                return None
            await self._wait()
        held = self.hand
        chunk = await self.receive()
        if held is not None and chunk is not None:
            self.hand = chunk = Chunk(bytes(held.data) + bytes(chunk.data), held.at)
        return chunk

    async def forward(self, size: int | None = None, until: float | None = None) -> None:
        """Pass on the first `size` bytes in hand (all, if None), when there is room for them.

        With `until`, raise TimeoutError if there has been none by that time.
        """
        if self._burst >= MOST_AT_ONCE:
            await self.rest()
        self._burst += 1
        if until is not None and not self._room():
            self._set_timer(until)
        while not self._room():
            if until is not None and self._due:
                raise TimeoutError
            await self._wait()
        self._clear_timer()
        chunk = self.hand
        if chunk is None:
            return
        if size is None or size >= len(chunk.data):
            self.hand = None
            self._pass(chunk)
        else:
            data = memoryview(chunk.data)
            self.hand = Chunk(data[size:], chunk.at)
            self._pass(Chunk(data[:size], chunk.at))

    def drop(self) -> None:
        """Throw away what is in hand."""
        self.hand = None

    async def sleep_until(self, when: float) -> None:
        """Wait for a moment on the loop's clock."""
        if when <= self.time():
            return
        self._set_timer(when)
        while not self._due:
            await self._wait()
        self._timer = None

    async def rest(self) -> None:
        """Let others have their turn, in the midst of much work."""
        self.link.run(self)
        await self._wait()

    async def forever(self) -> None:
        """Wait until the stub is stopped."""
        while True:
            await self._wait()

    def time(self) -> float:
        """Return the loop's clock."""
        return self.link.loop.time()

    @property
    def random(self) -> random.Random:
        """Chance, the same for the same seed, proxy, toxic and connection number."""
        if self._random is None:
            self._random = self.placement.chance(self.link.number, "draws")
        return self._random

    # What the link and the neighbours use.

    def start(self) -> None:
        """Begin to run the toxic."""
        self._waiting = False
        if not self._attached:
            self._attached = True
            self.placement.toxic.attach(self)
        self._coroutine = self.placement.toxic.pipe(self)
        self.link.run(self)

    def wake(self) -> None:
        """Let the toxic look again whether what it waits for is there."""
        if self._waiting:
            self._waiting = False
            self.link.run(self)

    def push(self, chunk: Chunk) -> None:
        """Queue a chunk, whether or not there is room."""
        # After the end, something before this stub closed the stream and was taken out since:
        # what comes now belongs behind bytes that are gone, and is dropped like them.
        if not self.done and not self.ended:
            self.queue.append(chunk)
            self.wake()

    def end(self) -> None:
        """Tell the toxic that nothing comes after what is queued."""
        self.ended = True
        self.wake()

    def has_room(self) -> bool:
        """Return whether the neighbour before may push another chunk."""
        if self.done or self.ended:
            return False
        return len(self.queue) < self.placement.toxic.queue_limit

    def stop(self) -> None:
        """Stop the toxic where it stands, keeping what is queued and in hand."""
        self._clear_timer()
        self._waiting = False
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is not None and not getattr(coroutine, "cr_running", False):
            # One that runs has caused its own end (its write failed): advance() closes it.
            coroutine.close()

    def flush_hand(self) -> None:
        """Pass on what a stopped toxic had in hand, at once."""
        if self.hand is not None:
            chunk, self.hand = self.hand, None
            self._pass(chunk)

    def flush(self) -> None:
        """Pass on all that a stopped toxic held, at once, and the end if it was reached."""
        held = [self.hand] if self.hand is not None else []
        held += self.queue
        self.hand = None
        self.queue.clear()
        ended = self.ended and not self.done
        if self.next is None:
            for chunk in held:
                self.link.write(chunk.data)
            if ended:
                self.link.end_output()
        elif not self.next.done and not self.next.ended:
            # All of it before anybody wakes: the one behind, when it takes a chunk, lets the one
            # before push the next, which would overtake what is still held here, or follow the end.
            self.next.queue.extend(held)
            self.next.ended = ended
            self.next.wake()

    def advance(self) -> None:
        """Take a turn: run the toxic until it waits for something."""
        coroutine = self._coroutine
        if coroutine is None:
            return
        self._waiting = False
        self._burst = 0
        try:
            coroutine.send(None)
        except StopIteration:
            if self._coroutine is coroutine:
                self._coroutine = None
                self._complete()
        except Exception as error:  # noqa: BLE001  (a toxic's bug must not stop the server)
            if self._coroutine is coroutine:
                self._coroutine = None
                self.link.toxic_failed(self, error)
        else:
            if self._coroutine is not coroutine:
                coroutine.close()  # stopped while it was running, see stop()

    def _complete(self) -> None:
        self.done = True
        self.hand = None
        self.queue.clear()
        self._clear_timer()
        self._pass_end()

    def _room(self) -> bool:
        return not self.link.pending if self.next is None else self.next.has_room()

    def _pass(self, chunk: Chunk) -> None:
        if self.next is None:
            self.link.write(chunk.data)
        else:
            self.next.push(chunk)

    def _pass_end(self) -> None:
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
        self._due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        self._due = True
        self.wake()
