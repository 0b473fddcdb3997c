"""From durations of life to what goes on the wire.

Scenarios are written as in life and run `pace` times faster. Two seconds at pace 600 are 3 ms,
which no canary can tell from a busy machine. So nothing on the wire is shorter than `FLOOR`, and
no rate is so high that the canary's padding passes in less: a fault that is slower than it was
asked to be is still the fault that was asked for; one that nobody can see is not.
"""

from dataclasses import dataclass

FLOOR = 0.025
"""Real seconds. Loopback round trips on a loaded two-core machine stay well below."""

PAD = 9_000
"""Bytes with which a canary pads its request at most. Every common HTTP server takes as much in
headers; PostgreSQL takes 10,000 bytes before authentication."""


@dataclass(frozen=True)
class Wire:
    """How fast life passes on the wire."""

    pace: float = 1.0

    def seconds(self, life: float) -> float:
        """Real seconds for `life` seconds, at least the floor; 0 stays 0."""
        return max(life / self.pace, FLOOR) if life > 0 else 0.0

    def milliseconds(self, life: float) -> int:
        """As `seconds`, in Toxiproxy's unit."""
        return round(self.seconds(life) * 1000)

    def scaled(self, life: float, of: float) -> float:
        """Real seconds for `life`, which is a part of `of` and shrinks or grows with it."""
        return self.seconds(of) * life / of if of > 0 else 0.0

    def rate(self, kilobytes: float) -> int:
        """Real KB/s for as many KB in a second of life, at least 1 and at most what can be seen."""
        return round(max(1.0, min(kilobytes * self.pace, PAD / FLOOR / 1000)))
