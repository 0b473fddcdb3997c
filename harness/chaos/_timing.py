"""Timing and units of toxics: scenario seconds to wall-clock seconds, milliseconds and KB/s.

A scenario runs `pace` times faster than the situation that it describes. Two scenario seconds at
pace 600 are 3 ms, which no probe can tell from the noise of a busy machine. Therefore no duration
of a toxic is shorter than `MIN_SECONDS`, and no rate is so high that a probe's padding passes in
less time. A fault that is slower than requested is still a usable fault; one that no probe can
detect is not.
"""

from dataclasses import dataclass

MIN_SECONDS = 0.025
"""Wall-clock seconds. Loopback round trips on a loaded two-core machine stay well below."""

MAX_PADDING = 9_000
"""Bytes by which a probe's request is padded at most. Every common HTTP server accepts as much in
headers; PostgreSQL accepts 10,000 bytes before authentication."""


@dataclass(frozen=True)
class Timing:
    """Converts a scenario's durations and rates to those of toxics."""

    pace: float = 1.0
    """Scenario seconds per wall-clock second."""

    def seconds(self, scenario_seconds: float) -> float:
        """Return a duration in wall-clock seconds, at least `MIN_SECONDS`; 0 stays 0."""
        return max(scenario_seconds / self.pace, MIN_SECONDS) if scenario_seconds > 0 else 0.0

    def milliseconds(self, scenario_seconds: float) -> int:
        """Return `seconds` in Toxiproxy's unit."""
        return round(self.seconds(scenario_seconds) * 1000)

    def proportional(self, part: float, whole: float) -> float:
        """Return `part` in wall-clock seconds, keeping its proportion to `whole`.

        Both are scenario seconds. If `whole` is raised to `MIN_SECONDS`, `part` grows likewise.
        """
        return self.seconds(whole) * part / whole if whole > 0 else 0.0

    def rate(self, kilobytes: float) -> int:
        """Return KB per wall-clock second for `kilobytes` per scenario second.

        The result is at least 1, which is Toxiproxy's smallest rate, and low enough that
        `MAX_PADDING` bytes take `MIN_SECONDS`.
        """
        return round(max(1.0, min(kilobytes * self.pace, MAX_PADDING / MIN_SECONDS / 1000)))
