"""One link of the proxy between two fake sockets, on a clock that the test advances.

    rig = Rig()
    rig.sink.sock.window = 10
    rig.add("latency", latency=5)
    rig.send(b"x")
    rig.loop.advance(0.005)
    assert rig.sink.sock.outbox == b"x"

There are no real sockets and no waiting, so that a test can run thousands of schedules in a second,
and every schedule can be repeated exactly.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from harness.proxy._connection import Connection
from harness.proxy._endpoint import Endpoint
from harness.proxy._link import Link
from harness.proxy._loop import Timer
from harness.proxy._pipes import PipePool
from harness.proxy._placement import DOWNSTREAM, Placement
from harness.proxy.toxics import TOXIC_TYPES


class FakeLoop:
    """The event loop's timers on a clock that only `advance` moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, int, Timer]] = []
        self._order = count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        heapq.heappush(self.timers, (when, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.call_at(self.now, callback)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            when, _, timer = heapq.heappop(self.timers)
            self.now = max(self.now, when)
            if timer.callback is not None:
                timer.callback()
        self.now = end


class FakeSocket:
    """A non-blocking socket with scripted input and a limited send window.

    `recv` returns the next item of `inbox`; an empty one is the end of the stream. `send` accepts
    at most `window` bytes, which it adds to `outbox`; with an empty window it would block.
    """

    def __init__(self) -> None:
        self.inbox: deque[bytes] = deque()
        self.outbox = bytearray()
        self.window = 0

    def recv(self, size: int) -> bytes:
        if not self.inbox:
            raise BlockingIOError
        data = self.inbox.popleft()
        assert len(data) <= size
        return data

    def recv_into(self, buffer: memoryview) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: bytes | memoryview) -> int:
        accepted = min(self.window, len(data))
        if not accepted:
            raise BlockingIOError
        self.window -= accepted
        self.outbox += bytes(data[:accepted])
        return accepted


@dataclass
class FakeEndpoint:
    """One end of the link."""

    sock: FakeSocket = field(default_factory=FakeSocket)
    fd: int = 1

    def refresh(self) -> None:
        pass


@dataclass
class FakeConnection:
    """The connection that the link belongs to; any error that it is to log fails the test."""

    loop: FakeLoop
    pipes: PipePool = field(default_factory=PipePool)
    number: int = 1
    finished: list[Link] = field(default_factory=list)
    up: Link | None = None

    def link_finished(self, link: Link) -> None:
        self.finished.append(link)

    def log(self, level: str, event: str, **fields: Any) -> None:
        raise AssertionError((level, event, fields))


class Rig:
    """One link, from the fake socket of `source` to that of `sink`.

    `sent` collects the bytes sent into the link. `placements` lists the toxics in chain order.
    """

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.connection = FakeConnection(self.loop)
        self.source, self.sink = FakeEndpoint(), FakeEndpoint()
        connection = cast("Connection", self.connection)
        ends = cast("Endpoint", self.source), cast("Endpoint", self.sink)
        self.link = Link(connection, DOWNSTREAM, *ends)
        self.connection.up = Link(connection, "upstream", *ends[::-1])
        self.placements: list[Placement] = []
        self.sent = bytearray()
        self.ended = False
        self._names = count()

    def send(self, data: bytes) -> None:
        if not self.ended:
            self.sent += data
            self.source.sock.inbox.append(data)
            self.pump()

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            self.source.sock.inbox.append(b"")
            self.pump()

    def pump(self) -> None:
        """Notify the link once of each socket that is ready, as the event loop does."""
        if self.link.reading and self.source.sock.inbox:
            self.link.on_readable()
        if self.link.pending and self.sink.sock.window:
            self.link.on_writable()

    def run_to_end(self) -> None:
        """Open the sink's window and advance the clock until the link has finished."""
        for _ in range(20_000):
            self.sink.sock.window = 1 << 30
            self.pump()
            self.loop.advance(0.05)
            if self.connection.finished:
                return
        raise AssertionError("the link did not finish")

    def add(self, toxic_type: str, /, *, seed: str = "", **attributes: Any) -> Placement:
        """Append a toxic to the chain."""
        toxic = TOXIC_TYPES[toxic_type]().copy(attributes)
        placement = Placement(
            name=f"t{next(self._names)}", stream=DOWNSTREAM, toxicity=1.0, toxic=toxic, dice=seed
        )
        self.placements.append(placement)
        self.link.insert(placement, self.link.last)
        return placement

    def remove(self, placement: Placement) -> None:
        self.placements.remove(placement)
        self._remove_stub(placement)

    def update(self, placement: Placement, **attributes: Any) -> None:
        placement.update(placement.toxic.copy(attributes), 1.0)
        stub = self.link.stub_of(placement)
        if stub is not None:
            self.link.restart(stub)

    def remove_and_reinsert(self, placement: Placement) -> None:
        """Switch a toxic off and on for this link, as two toxicity draws in a row can do."""
        self._remove_stub(placement)
        after = None
        for other in self.placements[: self.placements.index(placement)]:
            after = self.link.stub_of(other) or after
        self.link.insert(placement, after)

    def _remove_stub(self, placement: Placement) -> None:
        stub = self.link.stub_of(placement)
        if stub is not None:
            self.link.remove(stub)
