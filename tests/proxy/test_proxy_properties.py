"""Bytes out equal bytes in, for any sequence of toxics that lose nothing, and of changes to them.

Most of it runs against one link between two scripted sockets, on a clock that is moved by hand:
thousands of schedules in a second, each of which can be run again. The rest runs against a
server, for the paths through the kernel.
"""

import hashlib
import heapq
import os
import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from proxy_kit import Server, Upstream

from harness.proxy._connection import Connection
from harness.proxy._endpoint import Endpoint
from harness.proxy._link import Link
from harness.proxy._loop import Timer
from harness.proxy._pipes import PipePool
from harness.proxy._placement import DOWNSTREAM, Placement
from harness.proxy.toxics import KINDS

LOSSLESS: list[tuple[str, dict[str, Any]]] = [
    ("noop", {}),
    ("latency", {"latency": 7}),
    ("latency", {"latency": 5, "jitter": 5}),
    ("bandwidth", {"rate": 1}),
    ("bandwidth", {"rate": 50}),
    ("shared_bandwidth", {"rate": 3}),
    ("slicer", {"average_size": 3, "size_variation": 2, "delay": 100}),
    ("slicer", {"average_size": 10, "size_variation": 0}),
    ("slow_close", {"delay": 20}),
    ("stall", {"loss": 0.3, "delay": 2}),
    ("limit_data", {"bytes": 10**9}),
    ("time_limit", {"time": 10**9}),
    ("http", {"path": "/never"}),
]


class FakeLoop:
    """A loop whose clock is moved by hand."""

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

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            when, _, timer = heapq.heappop(self.timers)
            self.now = max(self.now, when)
            if timer.callback is not None:
                timer.callback()
        self.now = end


class FakeSocket:
    """Gives what was put in, takes what there is room for."""

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
    up: Link | None = None

    def link_finished(self, link: Link) -> None:
        self.finished.append(link)

    def log(self, level: str, event: str, **fields: Any) -> None:
        raise AssertionError((level, event, fields))


class Rig:
    """One link, from a scripted source to a scripted sink."""

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
        """Do what the loop does: announce what is ready, once each."""
        if self.link.reading and self.source.sock.inbox:
            self.link.on_readable()
        if self.link.pending and self.sink.sock.room:
            self.link.on_writable()

    def settle(self) -> None:
        """Give it all the room and time that it can want."""
        for _ in range(20_000):
            self.sink.sock.room = 1 << 30
            self.pump()
            self.loop.advance(0.05)
            if self.connection.finished:
                return
        raise AssertionError("the link did not finish")

    def add(self, choice: int) -> None:
        kind, attributes = LOSSLESS[choice % len(LOSSLESS)]
        toxic = KINDS[kind]().copy(attributes)
        placement = Placement(
            name=f"t{next(self._names)}", stream=DOWNSTREAM, toxicity=1.0, toxic=toxic, dice="d"
        )
        self.placements.append(placement)
        self.link.insert(placement, self.link.last)

    def remove(self, choice: int) -> None:
        if self.placements:
            placement = self.placements.pop(choice % len(self.placements))
            stub = self.link.stub_of(placement)
            if stub is not None:
                self.link.remove(stub)

    def update(self, choice: int) -> None:
        """Give a toxic other settings, or the same again."""
        if self.placements:
            placement = self.placements[choice % len(self.placements)]
            known = [settings for kind, settings in LOSSLESS if kind == placement.toxic.kind]
            placement.update(placement.toxic.copy(known[choice % len(known)]), 1.0)
            stub = self.link.stub_of(placement)
            if stub is not None:
                self.link.restart(stub)

    def leave_and_return(self, choice: int) -> None:
        """The toxic's roll misses after an update, and hits after the next one."""
        if not self.placements:
            return
        index = choice % len(self.placements)
        stub = self.link.stub_of(self.placements[index])
        if stub is not None:
            self.link.remove(stub)
        after = None
        for other in self.placements[:index]:
            after = self.link.stub_of(other) or after
        self.link.insert(self.placements[index], after)


STEPS = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 20)),
    st.tuples(st.just("send"), st.integers(1, 200)),
    st.tuples(st.just("room"), st.integers(0, 300)),
    st.tuples(st.just("time"), st.integers(0, 60)),
    st.tuples(st.just("add"), st.integers(0, 100)),
    st.tuples(st.just("remove"), st.integers(0, 100)),
    st.tuples(st.just("update"), st.integers(0, 100)),
    st.tuples(st.just("return"), st.integers(0, 100)),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 100), min_size=2, max_size=5),
    st.lists(STEPS, min_size=15, max_size=60),
    st.integers(0, 60),
    st.integers(0, 2**32),
)
def test_no_schedule_of_changes_loses_or_reorders_a_byte(
    toxics: list[int], steps: list[tuple[str, int]], end_at: int, seed: int
) -> None:
    rig, data = Rig(), random.Random(seed)
    for choice in toxics:
        rig.add(choice)
    for at, (step, number) in enumerate(steps):
        if at == end_at:
            rig.end()
        if step == "send":
            rig.send(data.randbytes(number))
        elif step == "room":
            rig.sink.sock.room = number
        elif step == "time":
            rig.loop.advance(number / 1000)
        elif step == "add":
            rig.add(number)
        elif step == "remove":
            rig.remove(number)
        elif step == "update":
            rig.update(number)
        else:
            rig.leave_and_return(number)
        rig.pump()
        assert rig.sent.startswith(rig.sink.sock.outbox)
    rig.end()
    rig.settle()
    assert bytes(rig.sink.sock.outbox) == bytes(rig.sent)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5000)), min_size=1, max_size=20),
    st.integers(0, 200),
)
def test_latency_is_exact_counts_from_arrival_and_keeps_the_order(
    sends: list[tuple[int, int]], latency: int
) -> None:
    rig = Rig()
    rig.sink.sock.room = 1 << 30
    toxic = KINDS["latency"]().copy({"latency": latency})
    placement = Placement(name="l", stream=DOWNSTREAM, toxicity=1, toxic=toxic, dice="")
    rig.link.insert(placement, None)
    due: list[tuple[float, int]] = []
    total = 0
    for pause, size in sends:
        rig.loop.advance(pause / 1000)
        rig.send(bytes(size))
        total += size
        due.append((rig.loop.now + latency / 1000, total))
        expected = max((sent for when, sent in due if when <= rig.loop.now), default=0)
        assert len(rig.sink.sock.outbox) == expected
    for when, sent in due:
        rig.loop.advance(max(0.0, when + 1e-6 - rig.loop.now))
        assert len(rig.sink.sock.outbox) >= sent


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=10), st.integers(1, 500))
def test_bandwidth_is_never_exceeded_and_always_used(sizes: list[int], rate: int) -> None:
    rig = Rig()
    rig.sink.sock.room = 1 << 30
    toxic = KINDS["bandwidth"]().copy({"rate": rate})
    placement = Placement(name="b", stream=DOWNSTREAM, toxicity=1, toxic=toxic, dice="")
    rig.link.insert(placement, None)
    for size in sizes:
        rig.send(bytes(size))
    ideal = sum(sizes) / (rate * 1000)
    while len(rig.sink.sock.outbox) < sum(sizes):
        assert len(rig.sink.sock.outbox) <= rig.loop.now * rate * 1000 + 1
        assert rig.loop.now <= ideal + 0.02
        rig.pump()
        rig.loop.advance(0.001)
    assert rig.loop.now >= ideal - 0.002


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 5000), st.integers(1, 300), st.integers(0, 300), st.integers(0, 2**31))
def test_slicer_sizes_add_up_and_keep_their_bounds(
    length: int, average: int, variation: int, seed: int
) -> None:
    variation = min(variation, average)
    rig = Rig()
    toxic = KINDS["slicer"]().copy({"average_size": average, "size_variation": variation})
    placement = Placement(name="s", stream=DOWNSTREAM, toxicity=1, toxic=toxic, dice=str(seed))
    rig.link.insert(placement, None)
    assert rig.link.first is not None
    sizes = list(toxic.sizes(length, rig.link.first))  # type: ignore[attr-defined]
    assert sum(sizes) == length
    assert all(0 < size <= average + variation or length == 0 for size in sizes)


def test_chains_change_under_bulk_traffic_without_losing_a_byte(
    embedded: Server, holding: Upstream
) -> None:
    proxy = embedded.proxy(holding.port)
    chance = random.Random(7)
    block = os.urandom(1 << 20)
    stop = threading.Event()
    sent, received = hashlib.sha256(), hashlib.sha256()

    def write() -> None:
        with far:
            while not stop.is_set():
                far.sendall(block)
                sent.update(block)

    def read() -> None:
        while data := client.recv(1 << 20):
            received.update(data)

    with proxy.connect() as client:
        far = holding.wait_for_client()
        threads = [threading.Thread(target=work, daemon=True) for work in (write, read)]
        for thread in threads:
            thread.start()
        present: list[str] = []
        for _ in range(120):
            if present and chance.random() < 0.6:
                proxy.remove(present.pop(chance.randrange(len(present))))
            else:
                kind, attributes = chance.choice(
                    [("latency", {"latency": 1}), ("slicer", {"average_size": 8000}),
                     ("bandwidth", {"rate": 500_000}), ("noop", {})]
                )  # fmt: skip
                if kind not in present:
                    proxy.add(kind, name=kind, **attributes)
                    present.append(kind)
        embedded.call("POST", "/reset")
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    assert received.digest() == sent.digest()
