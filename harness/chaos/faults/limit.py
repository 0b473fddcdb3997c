"""Answers are cut short: a connection ends after so many bytes."""

from pydantic import Field

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._speech import Ask
from harness.chaos._toxic import Toxic
from harness.chaos._wire import Wire

_MOST = 200
"""Questions that a canary asks at most to get an answer longer than the limit."""


class Limit(LinkFault, name="limit"):
    """Close each connection when `bytes` bytes of answers have passed."""

    bytes: int = Field(ge=0)

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """On answers."""
        del wire
        return (Toxic("limit_data", "downstream", {"bytes": self.bytes}),)

    def ask(self, wire: Wire) -> Ask:
        """As many questions as it takes, if the shortest answers have a hundred bytes."""
        del wire
        return Ask(patience=2.0, whole=True, times=min(self.bytes // 100 + 1, _MOST))

    def expected(self, wire: Wire) -> str:
        """Cut short."""
        del wire
        return f"cut short after {self.bytes} bytes"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """No more than the limit came, although the target itself says more."""
        del wire
        return all(
            sight.size == self.bytes and sight.outcome in ("answered", "closed", "reset")
            for sight in through
        ) and all(sight.size > self.bytes for sight in beside)
