"""Timing and units of toxics."""

import pytest

from harness.chaos._timing import MAX_PADDING, MIN_SECONDS, Timing
from harness.chaos.faults import Delay, Throttle


@pytest.mark.parametrize(
    ("pace", "scenario", "wall_clock"),
    [(1, 2, 2), (10, 2, 0.2), (600, 2, MIN_SECONDS), (600, 60, 0.1), (1, 0, 0), (600, 0, 0)],
)
def test_durations_shrink_with_pace_down_to_a_minimum(
    pace: float, scenario: float, wall_clock: float
) -> None:
    assert Timing(pace).seconds(scenario) == pytest.approx(wall_clock)


def test_jitter_stays_proportional_to_a_latency_that_was_raised_to_the_minimum() -> None:
    (toxic,) = Delay(latency=2, jitter=1).toxics(Timing(600))
    assert toxic.attributes == {"latency": 25, "jitter": 12}


@pytest.mark.parametrize(
    ("pace", "rate", "expected"),
    [(1, 40, 40), (10, 4, 40), (600, 40, MAX_PADDING / MIN_SECONDS / 1000), (1, 0.1, 1)],
)
def test_a_rate_grows_with_pace_up_to_a_maximum(pace: float, rate: float, expected: float) -> None:
    upstream, downstream = Throttle(rate=rate).toxics(Timing(pace))
    assert upstream.attributes == downstream.attributes == {"rate": expected}
