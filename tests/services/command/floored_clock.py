"""A clock with a long minimum for machine durations, so that a test has fewer moments to visit."""

from services.kit.testing import FakeClock


class FlooredClock(FakeClock):
    """A clock on which no machine duration is shorter than `floor` scenario seconds."""

    def __init__(self, floor: float) -> None:
        super().__init__()
        self._floor = floor

    def with_floor(self, seconds: float) -> float:
        return max(seconds, self._floor)
