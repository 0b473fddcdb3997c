"""One link between two fake sockets, on a clock that the test advances.

    rig = Rig()
    rig.add("latency", latency=5)
    rig.send(b"x")
    rig.loop.advance(0.005)
    rig.sink.sock.outbox

Thousands of schedules run in a second, and each is deterministic.
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
from harness.proxy._toxic_wrapper import DOWNSTREAM, ToxicWrapper
from harness.proxy.toxics import TOXIC_TYPES


class FakeLoop:
    """A loop whose clock the test advances."""

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
    """Receives the chunks of `inbox`, and sends to `outbox` as many bytes as `room` allows."""

    def __init__(self) -> None:
        self.inbox: deque[bytes] = deque()
        self.outbox = bytearray()
        self.room = 0

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
        taken = min(self.room, len(data))
        if not taken:
            raise BlockingIOError
        self.room -= taken
        self.outbox += bytes(data[:taken])
        return taken


@dataclass
class FakeEndpoint:
    sock: FakeSocket = field(default_factory=FakeSocket)
    fd: int = 1

    def refresh(self) -> None:
        pass


@dataclass
class FakeConnection:
    loop: FakeLoop
    pipes: PipePool = field(default_factory=PipePool)
    number: int = 1
    finished: list[Link] = field(default_factory=list)
    upstream_link: Link | None = None

    def link_finished(self, link: Link) -> None:
        self.finished.append(link)

    def log(self, level: str, event: str, **fields: Any) -> None:
        raise AssertionError((level, event, fields))


class Rig:
    """One link from a fake source to a fake sink."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.connection = FakeConnection(self.loop)
        self.source, self.sink = FakeEndpoint(), FakeEndpoint()
        connection = cast("Connection", self.connection)
        ends = cast("Endpoint", self.source), cast("Endpoint", self.sink)
        self.link = Link(connection, DOWNSTREAM, *ends)
        self.connection.upstream_link = Link(connection, "upstream", *ends[::-1])
        self.wrappers: list[ToxicWrapper] = []
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
        """Do what the loop does: report each socket that is ready, once."""
        if self.link.reading and self.source.sock.inbox:
            self.link.on_readable()
        if self.link.pending and self.sink.sock.room:
            self.link.on_writable()

    def run_to_end(self) -> None:
        """Give the link room and time until it finishes."""
        for _ in range(20_000):
            self.sink.sock.room = 1 << 30
            self.pump()
            self.loop.advance(0.05)
            if self.connection.finished:
                return
        raise AssertionError("the link did not finish")

    def add(self, type_name: str, /, *, seed: str = "", **attributes: Any) -> ToxicWrapper:
        """Put a toxic at the end of the chain."""
        toxic = TOXIC_TYPES[type_name]().copy(attributes)
        wrapper = ToxicWrapper(
            name=f"t{next(self._names)}", stream=DOWNSTREAM, toxicity=1.0, toxic=toxic, seed=seed
        )
        self.wrappers.append(wrapper)
        self.link.insert(wrapper, self.link.last)
        return wrapper

    def remove(self, wrapper: ToxicWrapper) -> None:
        self.wrappers.remove(wrapper)
        self._remove_stub(wrapper)

    def update(self, wrapper: ToxicWrapper, **attributes: Any) -> None:
        wrapper.update(wrapper.toxic.copy(attributes), 1.0)
        stub = self.link.find_stub(wrapper)
        if stub is not None:
            self.link.restart(stub)

    def remove_and_reinsert(self, wrapper: ToxicWrapper) -> None:
        """Do what happens if the toxicity does not apply after one update, but after the next."""
        self._remove_stub(wrapper)
        after = None
        for other in self.wrappers[: self.wrappers.index(wrapper)]:
            after = self.link.find_stub(other) or after
        self.link.insert(wrapper, after)

    def _remove_stub(self, wrapper: ToxicWrapper) -> None:
        stub = self.link.find_stub(wrapper)
        if stub is not None:
            self.link.remove(stub)
