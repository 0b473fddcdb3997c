"""Durations of life on the wire."""

import pytest

from harness.chaos._wire import FLOOR, PAD, Wire
from harness.chaos.faults import Delay, Throttle


@pytest.mark.parametrize(
    ("pace", "life", "real"),
    [(1, 2, 2), (10, 2, 0.2), (600, 2, FLOOR), (600, 60, 0.1), (1, 0, 0), (600, 0, 0)],
)
def test_durations_shrink_with_pace_down_to_what_can_be_seen(
    pace: float, life: float, real: float
) -> None:
    assert Wire(pace).seconds(life) == pytest.approx(real)


def test_jitter_keeps_its_share_of_a_latency_that_was_raised_to_the_floor() -> None:
    (toxic,) = Delay(latency=2, jitter=1).toxics(Wire(600))
    assert toxic.attributes == {"latency": 25, "jitter": 12}


@pytest.mark.parametrize(
    ("pace", "rate", "real"), [(1, 40, 40), (10, 4, 40), (600, 40, PAD / FLOOR / 1000), (1, 0.1, 1)]
)
def test_a_rate_grows_with_pace_up_to_what_can_be_seen(
    pace: float, rate: float, real: float
) -> None:
    upstream, downstream = Throttle(rate=rate).toxics(Wire(pace))
    assert upstream.attributes == downstream.attributes == {"rate": real}
