"""Times of a run as text, in scenario time and in wall-clock seconds."""

from contextlib import suppress
from math import ceil

from harness.checks import duration_text
from harness.history import History

_TICK_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
"""Scenario seconds between two labels of the time axis, from a minute to a week."""


class Times:
    """Formats moments and durations of one history. All parameters are wall-clock seconds."""

    def __init__(self, history: History, *, dated: bool) -> None:
        self._history = history
        self._dated = dated

    def moment(self, t: float) -> str:
        """Return `t` as date and time of the scenario, or as a duration if the run is not dated."""
        if self._dated:
            with suppress(OverflowError):  # later than the year 9999
                return f"{self._history.scenario_clock(t):%-d %b %H:%M}"
        return self.length(t)

    def length(self, seconds: float) -> str:
        """Return a duration in scenario time, with its two largest units."""
        return duration_text(self._history.to_scenario(seconds))

    def both(self, seconds: float) -> str:
        """Return a duration in scenario time, followed by the wall-clock seconds."""
        return f"{self.length(seconds)} ({seconds:.1f} s wall clock)"

    def ticks(self, end: float) -> tuple[tuple[float, str], ...]:
        """Return the labels of the time axis up to `end`, at round scenario times.

        Each is its `t` and two lines of text: the scenario time and the wall-clock seconds.
        """
        length = self._history.to_scenario(end)
        step = next((s for s in _TICK_STEPS if length / s <= 9), ceil(length / 9))
        if length < 60:
            step = max(int(length / 6), 1)
        offset = 0.0
        if self._dated:
            start = self._history.scenario_clock(0.0)
            midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
            offset = -((start - midnight).total_seconds() % step)
        found, moment = [], offset
        while moment <= length:
            if moment >= 0:
                t = self._history.to_wall(moment)
                found.append((t, f"{self.moment(t)}\n{t:.0f} s"))
            moment += step
        return tuple(found)
