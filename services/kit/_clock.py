"""Time as a service sees it: seconds of life since 1970, however fast the run is paced.

Two kinds of durations are told apart. What people and machines *do* (an officer takes 50 s, a
notice comes every 6 h) passes `pace` times faster. What a computer needs to *answer* does not
speed up with the story: time-outs, polls and heartbeats are given through `machine`, which keeps
them above a floor in real time.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Where service code gets its time from."""

    def now(self) -> float:
        """Seconds of life since 1970-01-01 UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of life."""

    def with_floor(self, seconds: float) -> float:
        """`seconds` of life, but no less than a computer needs; for time-outs and polls."""

    def wall_seconds(self, seconds: float) -> float:
        """`seconds` of life in seconds of the event loop, for libraries that take time-outs."""


class PacedClock:
    """Life from an epoch on, `pace` times as fast as the wall clock."""

    def __init__(
        self,
        pace: float = 1.0,
        *,
        epoch: float = 0.0,
        origin: float | None = None,
        floor: float = 0.5,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Let life be at `origin` when the wall clock is at `epoch` (both in seconds since 1970).

        `floor` is the shortest machine duration, in real seconds.
        """
        self._pace = pace
        self._epoch = epoch
        self._origin = epoch if origin is None else origin
        self._floor = floor
        self._wall = wall

    def now(self) -> float:
        """Seconds of life since 1970-01-01 UTC."""
        return self._origin + (self._wall() - self._epoch) * self._pace

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of life."""
        await asyncio.sleep(self.wall_seconds(seconds))

    def with_floor(self, seconds: float) -> float:
        """`seconds` of life, but at least the floor."""
        return max(seconds, self._floor * self._pace)

    def wall_seconds(self, seconds: float) -> float:
        """`seconds` of life in real seconds."""
        return max(seconds, 0.0) / self._pace
