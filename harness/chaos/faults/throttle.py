"""The line is narrow: data flows at a low rate in both directions."""

from typing import ClassVar

from pydantic import Field

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._speech import Ask
from harness.chaos._toxic import Toxic, both_ways
from harness.chaos._wire import PAD, Wire

_AIM = 0.3
"""Real seconds that the canary's padding should take, if there is padding enough."""


class Throttle(LinkFault, name="throttle"):
    """Let `rate` KB (1000 bytes) pass per second of life, on each connection and direction."""

    rate: float = Field(gt=0, allow_inf_nan=False, description="KB per second of life.")
    looks: ClassVar[int] = 3

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """Bandwidth on both streams."""
        return both_ways("bandwidth", {"rate": wire.rate(self.rate)})

    def ask(self, wire: Wire) -> Ask:
        """A padded request."""
        return Ask(patience=2.0 + 2 * self._least(wire), pad=self._pad(wire))

    def expected(self, wire: Wire) -> str:
        """No sooner than the padding can have passed."""
        return f"answered after {self._least(wire) * 1000:.0f} ms or more"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """Even the quickest of three took as long as the padding must."""
        least = self._least(wire)
        return (
            all(sight.outcome == "answered" for sight in through)
            and min(sight.first for sight in through) >= least
            and min(sight.first for sight in beside) < least
        )

    def _pad(self, wire: Wire) -> int:
        return round(min(PAD, max(wire.rate(self.rate) * 1000 * _AIM, 100)))

    def _least(self, wire: Wire) -> float:
        return self._pad(wire) / (wire.rate(self.rate) * 1000)
