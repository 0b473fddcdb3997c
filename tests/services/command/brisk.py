"""A clock whose machines are slow, so that a test has fewer moments to go through."""

from services.kit.testing import FakeClock


class Brisk(FakeClock):
    """A clock at a pace at which no machine takes less than `floor` seconds of life."""

    def __init__(self, floor: float) -> None:
        super().__init__()
        self._floor = floor

    def with_floor(self, seconds: float) -> float:
        return max(seconds, self._floor)
