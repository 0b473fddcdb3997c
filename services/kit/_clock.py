"""The scenario clock of a service: scenario seconds since 1970, whatever the pace of the run.

Two kinds of durations are distinguished. What the scenario describes (an officer needs 50 s, a
notice is published every 6 h) passes `pace` times faster than wall-clock time. What a computer
needs to *answer* does not get faster with the pace. Therefore time-outs, polling intervals and
heartbeats go through `Clock.with_floor`, which never returns less than a minimum wall-clock time.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """The only source of time for service code."""

    def now(self) -> float:
        """Return the scenario time in seconds since 1970-01-01 UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` scenario seconds."""

    def with_floor(self, seconds: float) -> float:
        """Return `seconds`, or the clock's floor if that is longer; both in scenario seconds.

        For time-outs, polling intervals and heartbeats, which a computer cannot keep at any pace.
        """

    def wall_seconds(self, seconds: float) -> float:
        """Convert scenario seconds to seconds of the event loop, for libraries with time-outs."""


class PacedClock:
    """A scenario clock that runs `pace` times as fast as the wall clock.

    Args:
        pace: Scenario seconds per wall-clock second.
        epoch: The wall-clock time at which scenario time is `origin`, in seconds since 1970.
        origin: The scenario time at `epoch`, in seconds since 1970; `epoch` if None.
        floor: The shortest duration that `with_floor` returns, in wall-clock seconds.
        wall: Returns the wall-clock time.
    """

    def __init__(
        self,
        pace: float = 1.0,
        *,
        epoch: float = 0.0,
        origin: float | None = None,
        floor: float = 0.5,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._pace = pace
        self._epoch = epoch
        self._origin = epoch if origin is None else origin
        self._floor = floor
        self._wall = wall

    def now(self) -> float:
        """Return the scenario time in seconds since 1970-01-01 UTC."""
        return self._origin + (self._wall() - self._epoch) * self._pace

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` scenario seconds."""
        await asyncio.sleep(self.wall_seconds(seconds))

    def with_floor(self, seconds: float) -> float:
        """Return `seconds`, or the floor converted to scenario seconds if that is longer."""
        return max(seconds, self._floor * self._pace)

    def wall_seconds(self, seconds: float) -> float:
        """Convert scenario seconds to wall-clock seconds; 0 for a negative duration."""
        return max(seconds, 0.0) / self._pace
