"""The breaker opens, cools down, probes, closes, and never gets stuck."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit import Breaker, BreakerOpenError
from services.kit.testing import Events, FakeClock, run


def made(clock: FakeClock, log: Events | None = None, **settings: int) -> Breaker:
    return Breaker(clock, log or Events(), "border", cool_down=60, **settings)


def call(breaker: Breaker, *, ok: bool) -> None:
    with breaker.attempt() as attempt:
        if ok:
            attempt.succeeded()
        else:
            attempt.failed("no answer")


def state(breaker: Breaker) -> str:
    """The state, which is another each time one looks."""
    return breaker.state


def opened(clock: FakeClock, log: Events | None = None, **settings: int) -> Breaker:
    breaker = made(clock, log, **settings)
    for _ in range(3):
        call(breaker, ok=False)
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    breaker = made(FakeClock())
    for ok in (False, False, True, False, False):
        call(breaker, ok=ok)
    assert state(breaker) == "closed"
    call(breaker, ok=False)
    assert state(breaker) == "open"


def test_open_it_lets_nobody_through_until_it_has_cooled_down() -> None:
    async def story() -> None:
        clock = FakeClock()
        breaker = opened(clock)
        await clock.advance(59)
        assert breaker.cool_down_left == 1
        with pytest.raises(BreakerOpenError, match="3 failures in a row, the last: no answer"):
            call(breaker, ok=True)
        await clock.advance(1)
        assert breaker.allows_attempt
        call(breaker, ok=True)
        assert state(breaker) == "half-open"
        call(breaker, ok=True)
        assert state(breaker) == "closed"

    run(story())


def test_every_change_is_an_event_with_its_reason() -> None:
    async def story() -> None:
        clock, log = FakeClock(), Events()
        breaker = opened(clock, log)
        await clock.advance(60)
        call(breaker, ok=False)
        await clock.advance(60)
        call(breaker, ok=True)
        call(breaker, ok=True)
        assert [event["state"] for event in log.named("breaker")] == [
            "open",
            "half-open",
            "open",
            "half-open",
            "closed",
        ]
        assert all(event["reason"] and event["target"] == "border" for event in log.all)

    run(story())


def test_half_open_it_lets_only_so_many_through_at_a_time() -> None:
    async def story() -> None:
        clock = FakeClock()
        breaker = opened(clock, probes=2)
        await clock.advance(60)
        with breaker.attempt(), breaker.attempt():
            assert not breaker.allows_attempt
            with pytest.raises(BreakerOpenError):
                call(breaker, ok=True)
        assert breaker.allows_attempt

    run(story())


def test_a_probe_that_is_cancelled_or_crashes_frees_its_slot() -> None:
    async def story() -> None:
        clock = FakeClock()
        breaker = opened(clock)
        await clock.advance(60)

        async def hang() -> None:
            with breaker.attempt():
                await asyncio.Event().wait()

        task = asyncio.ensure_future(hang())
        await asyncio.sleep(0)
        ready = breaker.allows_attempt
        assert not ready
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert breaker.allows_attempt
        with pytest.raises(ZeroDivisionError), breaker.attempt():
            _ = 1 / 0
        assert breaker.allows_attempt
        assert state(breaker) == "half-open"

    run(story())


def test_a_late_verdict_of_an_earlier_state_is_not_counted() -> None:
    async def story() -> None:
        clock = FakeClock()
        breaker = made(clock)
        with breaker.attempt() as slow:
            for _ in range(3):
                call(breaker, ok=False)
            await clock.advance(60)
            call(breaker, ok=True)
            slow.failed("from before the outage")
        assert state(breaker) == "half-open"
        call(breaker, ok=True)
        assert state(breaker) == "closed"

    run(story())


@pytest.mark.parametrize("settings", [{"failures": 0}, {"probes": 0}, {"successes": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        made(FakeClock(), None, **settings)


moves = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.just(0)),
        st.tuples(st.sampled_from(["answer", "fail", "cancel"]), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.integers(0, 90)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(moves, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_it_is_never_stuck(
    history: list[tuple[str, int]], failures: int, probes: int, successes: int
) -> None:
    """Whatever happened, a target that answers from now on gets the breaker closed."""

    async def story() -> None:
        clock = FakeClock()
        breaker = made(clock, failures=failures, probes=probes, successes=successes)
        with contextlib.ExitStack() as everything:
            flying = []
            for verb, number in history:
                if verb == "begin":
                    block = contextlib.ExitStack()
                    with contextlib.suppress(BreakerOpenError):
                        flying.append((block, block.enter_context(breaker.attempt())))
                        everything.callback(block.close)
                elif verb == "wait":
                    await clock.advance(number)
                elif flying:
                    block, attempt = flying.pop(number % len(flying))
                    if verb == "answer":
                        attempt.succeeded()
                    elif verb == "fail":
                        attempt.failed("no answer")
                    block.close()
                assert state(breaker) != "half-open" or breaker._probing <= probes
        await clock.advance(60)
        for _ in range(successes):
            assert breaker.allows_attempt
            call(breaker, ok=True)
        assert state(breaker) == "closed"
        assert breaker._probing == 0

    run(story())
