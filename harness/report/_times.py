"""Both times of a run as text: life (calendar or clock) and real seconds."""

from contextlib import suppress
from math import ceil

from harness.checks import duration_text
from harness.history import History

_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)


class Times:
    """How moments and lengths of one history are written."""

    def __init__(self, history: History, *, dated: bool) -> None:
        self._history = history
        self._dated = dated

    def moment(self, t: float) -> str:
        """When second `t` of the run is in life."""
        if self._dated:
            with suppress(OverflowError):  # a history with a moment after the end of calendars
                return f"{self._history.calendar(t):%-d %b %H:%M}"
        return self.length(t)

    def length(self, real: float) -> str:
        """`real` seconds of the run as a length of life, in its two largest units."""
        return duration_text(self._history.life(real))

    def both(self, real: float) -> str:
        """A length in life, with the run's own seconds behind it."""
        return f"{self.length(real)} ({real:.1f} s of the run)"

    def ticks(self, end: float) -> tuple[tuple[float, str], ...]:
        """Where the time axis is labelled: round times of life, with real seconds below."""
        life = self._history.life(end)
        step = next((s for s in _STEPS if life / s <= 9), ceil(life / 9))
        if life < 60:
            step = max(int(life / 6), 1)
        offset = 0.0
        if self._dated:
            start = self._history.calendar(0.0)
            midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
            offset = -((start - midnight).total_seconds() % step)
        found, moment = [], offset
        while moment <= life:
            if moment >= 0:
                t = self._history.real(moment)
                found.append((t, f"{self.moment(t)}\n{t:.0f} s"))
            moment += step
        return tuple(found)
