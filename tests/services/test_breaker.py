"""The circuit breaker opens, cools down, probes, closes, and never gets stuck."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit import Breaker, BreakerOpenError
from services.kit.testing import Events, FakeClock, run


def new_breaker(clock: FakeClock, log: Events | None = None, **settings: int) -> Breaker:
    return Breaker(clock, log or Events(), "border", cool_down=60, **settings)


def call(breaker: Breaker, *, ok: bool) -> None:
    with breaker.attempt() as attempt:
        if ok:
            attempt.succeeded()
        else:
            attempt.failed("no answer")


def state(breaker: Breaker) -> str:
    """Return the state; a call, so that the type checker does not assume it unchanged."""
    return breaker.state


def open_breaker(clock: FakeClock, log: Events | None = None, **settings: int) -> Breaker:
    breaker = new_breaker(clock, log, **settings)
    for _ in range(3):
        call(breaker, ok=False)
    return breaker


def test_consecutive_failures_open_the_breaker_and_a_success_resets_the_count() -> None:
    breaker = new_breaker(FakeClock())
    for ok in (False, False, True, False, False):
        call(breaker, ok=ok)
    assert state(breaker) == "closed"
    call(breaker, ok=False)
    assert state(breaker) == "open"


def test_an_open_breaker_allows_no_attempt_until_the_cool_down_is_over() -> None:
    async def test() -> None:
        clock = FakeClock()
        breaker = open_breaker(clock)
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

    run(test())


def test_every_change_is_an_event_with_its_reason() -> None:
    async def test() -> None:
        clock, log = FakeClock(), Events()
        breaker = open_breaker(clock, log)
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

    run(test())


def test_a_half_open_breaker_limits_concurrent_probes() -> None:
    async def test() -> None:
        clock = FakeClock()
        breaker = open_breaker(clock, probes=2)
        await clock.advance(60)
        with breaker.attempt(), breaker.attempt():
            assert not breaker.allows_attempt
            with pytest.raises(BreakerOpenError):
                call(breaker, ok=True)
        assert breaker.allows_attempt

    run(test())


def test_a_probe_that_is_cancelled_or_crashes_frees_its_slot() -> None:
    async def test() -> None:
        clock = FakeClock()
        breaker = open_breaker(clock)
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

    run(test())


def test_the_result_of_an_attempt_from_an_earlier_state_is_not_counted() -> None:
    async def test() -> None:
        clock = FakeClock()
        breaker = new_breaker(clock)
        with breaker.attempt() as slow:
            for _ in range(3):
                call(breaker, ok=False)
            await clock.advance(60)
            call(breaker, ok=True)
            slow.failed("from before the outage")
        assert state(breaker) == "half-open"
        call(breaker, ok=True)
        assert state(breaker) == "closed"

    run(test())


@pytest.mark.parametrize("settings", [{"failures": 0}, {"probes": 0}, {"successes": 0}])
def test_invalid_settings_raise_a_value_error(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        new_breaker(FakeClock(), None, **settings)


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
def test_the_breaker_never_gets_stuck(
    history: list[tuple[str, int]], failures: int, probes: int, successes: int
) -> None:
    """After any history, the breaker closes once the target answers again."""

    async def test() -> None:
        clock = FakeClock()
        breaker = new_breaker(clock, failures=failures, probes=probes, successes=successes)
        with contextlib.ExitStack() as cleanup:
            in_flight = []
            for verb, number in history:
                if verb == "begin":
                    block = contextlib.ExitStack()
                    with contextlib.suppress(BreakerOpenError):
                        in_flight.append((block, block.enter_context(breaker.attempt())))
                        cleanup.callback(block.close)
                elif verb == "wait":
                    await clock.advance(number)
                elif in_flight:
                    block, attempt = in_flight.pop(number % len(in_flight))
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

    run(test())
