"""The event loop: timers, priority of urgent descriptors, and exceptions in callbacks."""

import itertools
import os
import socket
import time
from functools import partial

import pytest

from harness.proxy._loop import BATCH, LONGEST_BATCH_S, READ, Loop
from harness.proxy._poller import PollPoller


def run_for(loop: Loop, seconds: float) -> None:
    """Run the loop for this many wall-clock seconds."""
    loop.call_at(loop.time() + seconds, loop.stop)
    loop.run()


def test_timers_run_in_order_and_never_early() -> None:
    loop = Loop()
    start = loop.time()
    ran: list[tuple[str, float]] = []

    def record(name: str) -> None:
        ran.append((name, loop.time() - start))

    for name, delay in (("c", 0.03), ("a", 0.0101), ("b", 0.0102), ("never", 0.02)):
        timer = loop.call_at(start + delay, partial(record, name))
        if name == "never":
            timer.cancel()
    run_for(loop, 0.05)
    assert [name for name, _ in ran] == ["a", "b", "c"]
    for (_, when), delay in zip(ran, (0.0101, 0.0102, 0.03), strict=True):
        assert delay <= when < delay + 1


def test_cancelled_timers_do_not_accumulate() -> None:
    loop = Loop()
    for _ in range(20_000):
        loop.call_at(loop.time() + 3600, lambda: None).cancel()
    assert len(loop._timers) <= 2048


def test_a_timer_years_ahead_does_not_stop_the_loop() -> None:
    loop = Loop()
    loop.call_at(loop.time() + 1e9, lambda: None)
    loop.call_soon(loop.stop)
    loop.run()
    reader, writer = os.pipe()
    loop = Loop()
    loop.call_at(loop.time() + 1e9, lambda: None)
    loop.watch(reader, READ, lambda _events: loop.stop())
    os.write(writer, b"x")
    loop.run()
    os.close(reader)
    os.close(writer)


def test_an_exception_in_a_callback_is_reported_once_and_the_loop_continues() -> None:
    errors: list[str] = []
    loop = Loop(on_error=errors.append)
    reader, writer = os.pipe()
    os.write(writer, b"x")
    loop.watch(reader, READ, lambda _events: 1 // 0)  # type: ignore[arg-type]
    loop.call_soon(lambda: 1 // 0)  # type: ignore[arg-type]
    loop.call_at(loop.time(), lambda: 1 // 0)  # type: ignore[arg-type]
    run_for(loop, 0.02)
    assert len(errors) == 3
    assert all("ZeroDivisionError" in text for text in errors)
    os.close(reader)
    os.close(writer)


def test_urgent_descriptors_are_handled_between_any_two_batches() -> None:
    loop = Loop()
    pairs = [socket.socketpair() for _ in range(BATCH * 6)]
    order: list[str] = []
    try:
        for near, far in pairs:
            far.send(b"x")
            loop.watch(near.fileno(), READ, lambda _events: order.append("busy"))
        api, client = pairs.pop()
        loop.forget(api.fileno())
        loop.watch(api.fileno(), READ, lambda _events: order.append("api"), urgent=True)
        run_for(loop, 0.05)
        positions = [index for index, name in enumerate(order) if name == "api"]
        assert positions
        gaps = [b - a for a, b in zip([0, *positions], positions, strict=False)]
        assert max(gaps) <= 2 * BATCH + 1
    finally:
        for near, far in [*pairs, (api, client)]:
            near.close()
            far.close()


def test_urgent_descriptors_do_not_wait_for_a_batch_of_slow_handlers() -> None:
    loop = Loop()
    pairs = [socket.socketpair() for _ in range(20)]
    api, client = socket.socketpair()
    order: list[str] = []

    def use_cpu(_events: int = 0) -> None:
        order.append("busy")
        end = time.monotonic() + LONGEST_BATCH_S * 0.7
        while time.monotonic() < end:
            pass

    try:
        for near, far in pairs:
            far.send(b"x")
            loop.watch(near.fileno(), READ, use_cpu)
        for _ in range(20):
            loop.call_soon(use_cpu)
            loop.call_at(loop.time(), use_cpu)
        loop.watch(api.fileno(), READ, lambda _events: order.append("api"), urgent=True)
        client.send(b"x")
        loop.call_at(loop.time() + 0.01, loop.stop)
        loop.run()
        positions = [index for index, name in enumerate(order) if name == "api"]
        assert len(positions) > 20
        assert max(b - a for a, b in itertools.pairwise([0, *positions, len(order)])) <= 4
    finally:
        for near, far in [*pairs, (api, client)]:
            near.close()
            far.close()


def test_a_stale_event_is_not_delivered_to_a_reused_descriptor() -> None:
    loop = Loop()
    pairs = [socket.socketpair() for _ in range(2)]
    successors: list[socket.socket] = []
    delivered: list[int] = []

    def close_both(_events: int) -> None:
        """Close both descriptors of a connection; then new ones take their numbers.

        This is what happens when one side of a connection ends and a new client connects.
        """
        numbers = [near.fileno() for near, _ in pairs]
        for near, _ in pairs:
            loop.close(near)
        successors.extend(socket.socketpair())
        assert {sock.fileno() for sock in successors} == set(numbers)
        for sock in successors:
            loop.watch(sock.fileno(), 0, delivered.append)

    try:
        for near, far in pairs:
            loop.watch(near.fileno(), READ, close_both)
            far.send(b"x")
        run_for(loop, 0.02)
        assert successors
        assert delivered == []
        successors[0].close()  # causes an event of the new descriptor itself
        loop._stopped = False
        run_for(loop, 0.02)
        assert delivered
    finally:
        for sock in [*successors, *(far for _, far in pairs)]:
            sock.close()


def test_the_loop_works_with_poll_where_there_is_no_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.proxy._loop.make_poller", PollPoller)
    loop = Loop()
    near, far = socket.socketpair()
    with near, far:
        loop.watch(near.fileno(), READ, lambda _events: loop.stop(), urgent=True)
        start = time.monotonic()
        loop.call_at(loop.time() + 0.02, lambda: far.sendall(b"x"))
        loop.run()
        assert time.monotonic() - start >= 0.019
        loop.close(near)
        assert near.fileno() == -1
