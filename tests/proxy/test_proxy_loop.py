"""The event loop: timers, urgent descriptors, exceptions in handlers."""

import itertools
import os
import socket
import time
from functools import partial

import pytest

from harness.proxy._loop import BATCH_SIZE, MAX_BATCH_S, READ, Loop
from harness.proxy._poller import PollPoller


def run_for(loop: Loop, seconds: float) -> None:
    loop.call_at(loop.time() + seconds, loop.stop)
    loop.run()


def test_timers_run_in_order_and_not_early() -> None:
    loop = Loop()
    start = loop.time()
    ran: list[tuple[str, float]] = []

    def note(name: str) -> None:
        ran.append((name, loop.time() - start))

    for name, delay in (("c", 0.03), ("a", 0.0101), ("b", 0.0102), ("never", 0.02)):
        timer = loop.call_at(start + delay, partial(note, name))
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


def test_a_timer_that_is_years_away_does_not_stop_the_loop() -> None:
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


def test_an_exception_in_a_handler_is_reported_once_and_does_not_stop_the_loop() -> None:
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


def test_urgent_descriptors_are_served_between_any_two_batches() -> None:
    loop = Loop()
    pairs = [socket.socketpair() for _ in range(BATCH_SIZE * 6)]
    order: list[str] = []
    try:
        for near, far in pairs:
            far.send(b"x")
            loop.watch(near.fileno(), READ, lambda _events: order.append("busy"))
        api, client = pairs.pop()
        loop.unwatch(api.fileno())
        loop.watch(api.fileno(), READ, lambda _events: order.append("api"), urgent=True)
        run_for(loop, 0.05)
        served = [index for index, name in enumerate(order) if name == "api"]
        assert served
        assert max(b - a for a, b in zip([0, *served], served, strict=False)) <= 2 * BATCH_SIZE + 1
    finally:
        for near, far in [*pairs, (api, client)]:
            near.close()
            far.close()


def test_urgent_descriptors_do_not_wait_for_a_batch_of_slow_handlers() -> None:
    loop = Loop()
    pairs = [socket.socketpair() for _ in range(20)]
    api, client = socket.socketpair()
    order: list[str] = []

    def be_busy(_events: int = 0) -> None:
        order.append("busy")
        end = time.monotonic() + MAX_BATCH_S * 0.7
        while time.monotonic() < end:
            pass

    try:
        for near, far in pairs:
            far.send(b"x")
            loop.watch(near.fileno(), READ, be_busy)
        for _ in range(20):
            loop.call_soon(be_busy)
            loop.call_at(loop.time(), be_busy)
        loop.watch(api.fileno(), READ, lambda _events: order.append("api"), urgent=True)
        client.send(b"x")
        loop.call_at(loop.time() + 0.01, loop.stop)
        loop.run()
        served = [index for index, name in enumerate(order) if name == "api"]
        assert len(served) > 20
        assert max(b - a for a, b in itertools.pairwise([0, *served, len(order)])) <= 4
    finally:
        for near, far in [*pairs, (api, client)]:
            near.close()
            far.close()


def test_an_event_of_a_closed_descriptor_does_not_reach_a_new_one_of_the_same_number() -> None:
    loop = Loop()
    pairs = [socket.socketpair() for _ in range(2)]
    successors: list[socket.socket] = []
    strays: list[int] = []

    def close_both(_events: int) -> None:
        """Close both descriptors, as the end of a connection does, and watch new ones."""
        numbers = [near.fileno() for near, _ in pairs]
        for near, _ in pairs:
            loop.close(near)
        successors.extend(socket.socketpair())
        assert {sock.fileno() for sock in successors} == set(numbers)
        for sock in successors:
            loop.watch(sock.fileno(), 0, strays.append)

    try:
        for near, far in pairs:
            loop.watch(near.fileno(), READ, close_both)
            far.send(b"x")
        run_for(loop, 0.02)
        assert successors
        assert strays == []
        successors[0].close()  # an event of the new descriptor does reach it
        loop._stopped = False
        run_for(loop, 0.02)
        assert strays
    finally:
        for sock in [*successors, *(far for _, far in pairs)]:
            sock.close()


def test_the_loop_works_with_poll_instead_of_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
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
