"""Property tests: the output equals the input for any chain of lossless toxics and any changes.

Most tests run on one link of `link_rig`. One runs on a server, to cover the paths through the
kernel.
"""

import hashlib
import os
import random
import threading
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from link_rig import Rig
from proxy_kit import Server
from socket_kit import Upstream

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


STEPS = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 20)),
    st.tuples(st.just("send"), st.integers(1, 200)),
    st.tuples(st.just("room"), st.integers(0, 300)),
    st.tuples(st.just("time"), st.integers(0, 60)),
    st.tuples(st.just("add"), st.integers(0, 100)),
    st.tuples(st.just("remove"), st.integers(0, 100)),
    st.tuples(st.just("update"), st.integers(0, 100)),
    st.tuples(st.just("reinsert"), st.integers(0, 100)),
)


TOXICS = st.lists(st.integers(0, 100), min_size=2, max_size=5)
SCHEDULE = st.lists(STEPS, min_size=15, max_size=60)


def add(rig: Rig, choice: int) -> None:
    type_name, attributes = LOSSLESS[choice % len(LOSSLESS)]
    rig.add(type_name, **attributes)


def step(rig: Rig, what: str, number: int, data: random.Random) -> None:
    """Do one step; `number` is its amount or selects the toxic."""
    if what == "send":
        rig.send(data.randbytes(number))
    elif what == "room":
        rig.sink.sock.room = number
    elif what == "time":
        rig.loop.advance(number / 1000)
    elif what == "add":
        add(rig, number)
    elif rig.wrappers:
        wrapper = rig.wrappers[number % len(rig.wrappers)]
        if what == "remove":
            rig.remove(wrapper)
        elif what == "reinsert":
            rig.remove_and_reinsert(wrapper)
        else:  # other settings of its type, or the same
            known = [
                settings for type_name, settings in LOSSLESS if type_name == wrapper.toxic.type_name
            ]
            rig.update(wrapper, **known[number % len(known)])


@settings(max_examples=400, deadline=None, derandomize=True)
@given(TOXICS, SCHEDULE, st.integers(0, 60), st.integers(0, 2**32))
def test_no_schedule_of_changes_loses_or_reorders_a_byte(
    toxics: list[int], schedule: list[tuple[str, int]], end_at: int, seed: int
) -> None:
    rig, data = Rig(), random.Random(seed)
    for choice in toxics:
        add(rig, choice)
    for at, (what, number) in enumerate(schedule):
        if at == end_at:
            rig.end()
        step(rig, what, number, data)
        rig.pump()
        assert rig.sent.startswith(rig.sink.sock.outbox)
    rig.end()
    rig.run_to_end()
    assert bytes(rig.sink.sock.outbox) == bytes(rig.sent)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(TOXICS, SCHEDULE, st.integers(0, 5), st.integers(0, 300), st.integers(0, 2**32))
def test_the_bytes_that_pass_a_limit_are_a_prefix_of_the_stream_for_any_changes(
    toxics: list[int], schedule: list[tuple[str, int]], place: int, limit: int, seed: int
) -> None:
    rig, data = Rig(), random.Random(seed)
    for number, choice in enumerate(toxics):
        if number == place:
            rig.add("limit_data", bytes=limit)
        add(rig, choice)
    for what, number in schedule:
        step(rig, what, number, data)
        rig.pump()
        assert rig.sent.startswith(rig.sink.sock.outbox)
    rig.end()
    rig.run_to_end()
    assert rig.sent.startswith(rig.sink.sock.outbox)


def test_an_update_of_limit_data_lets_no_byte_beyond_the_limit_pass() -> None:
    rig = Rig()
    limit = rig.add("limit_data", bytes=10)
    rig.sink.sock.room = 4
    rig.send(b"abcdef")
    rig.send(b"ghijklmno")  # held by the toxic, because the receiver does not read
    rig.update(limit, bytes=8)
    rig.run_to_end()
    assert bytes(rig.sink.sock.outbox) == b"abcdefgh"


def test_removing_a_reached_limit_leaves_no_gap_in_the_stream() -> None:
    rig = Rig()
    limit = rig.add("limit_data", bytes=4)
    rig.add("latency", latency=1000)
    rig.sink.sock.room = 1 << 20
    rig.send(b"abcdefgh")
    rig.remove(limit)
    rig.send(b"ijkl")
    rig.run_to_end()
    assert bytes(rig.sink.sock.outbox) == b"abcd"


def test_a_chain_of_a_thousand_toxics_forwards_bytes() -> None:
    rig = Rig()
    rig.sink.sock.room = 1 << 20
    for number in range(1000):
        rig.add("latency" if number % 2 else "noop")
    for number in range(50):
        rig.send(b"%4d" % number)
    for wrapper in rig.wrappers[::3]:
        rig.remove(wrapper)
    rig.end()
    rig.run_to_end()
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
    rig.add("latency", latency=latency)
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
    rig.add("bandwidth", rate=rate)
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
    slicer = rig.add("slicer", seed=str(seed), average_size=average, size_variation=variation)
    assert rig.link.first is not None
    sizes = list(slicer.toxic.sizes(length, rig.link.first))  # type: ignore[attr-defined]
    assert sum(sizes) == length
    assert all(0 < size <= average + variation or length == 0 for size in sizes)


def test_chains_change_under_bulk_traffic_without_losing_a_byte(
    embedded: Server, manual_upstream: Upstream
) -> None:
    proxy = embedded.proxy(manual_upstream.port)
    rng = random.Random(7)
    block = os.urandom(1 << 20)
    stop = threading.Event()
    sent, received = hashlib.sha256(), hashlib.sha256()

    def write() -> None:
        with upstream_sock:
            while not stop.is_set():
                upstream_sock.sendall(block)
                sent.update(block)

    def read() -> None:
        while data := client.recv(1 << 20):
            received.update(data)

    with proxy.connect() as client:
        upstream_sock = manual_upstream.wait_for_client()
        threads = [threading.Thread(target=work, daemon=True) for work in (write, read)]
        for thread in threads:
            thread.start()
        present: list[str] = []
        for _ in range(120):
            if present and rng.random() < 0.6:
                proxy.remove(present.pop(rng.randrange(len(present))))
            else:
                type_name, attributes = rng.choice(
                    [("latency", {"latency": 1}), ("slicer", {"average_size": 8000}),
                     ("bandwidth", {"rate": 500_000}), ("noop", {})]
                )  # fmt: skip
                if type_name not in present:
                    proxy.add(type_name, name=type_name, **attributes)
                    present.append(type_name)
        embedded.call("POST", "/reset")
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    assert received.digest() == sent.digest()
