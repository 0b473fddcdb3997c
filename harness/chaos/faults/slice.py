"""Data arrives in crumbs: small pieces with pauses between them."""

from typing import Self

from pydantic import Field, model_validator

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._speech import Ask
from harness.chaos._toxic import Toxic, both_ways
from harness.chaos._wire import PAD, Wire
from harness.scenario import Duration

_PIECES = 8


class Slice(LinkFault, name="slice"):
    """Cut data into pieces of up to `size` bytes, more or less by `variation`, `delay` apart."""

    size: int = Field(ge=1, le=PAD // 2)
    variation: int = Field(default=0, ge=0)
    delay: Duration = Field(gt=0)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        # Toxiproxy itself would take it, and die at the first data (Shopify/toxiproxy#541).
        if self.variation >= self.size:
            raise ValueError("variation must be less than size")
        return self

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """On both streams. The API's delay is in microseconds."""
        attributes = {
            "average_size": self.size,
            "size_variation": self.variation,
            "delay": round(wire.seconds(self.delay) * 1_000_000),
        }
        return both_ways("slicer", attributes)

    def ask(self, wire: Wire) -> Ask:
        """A request of several pieces; its answer takes as many as it likes."""
        return Ask(patience=2.0 + 20 * self._least(wire), pad=self._pad())

    def expected(self, wire: Wire) -> str:
        """Not before the last piece of the request."""
        return f"answered after {self._least(wire) * 1000:.0f} ms or more"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """The answer waits for the request's pieces."""
        least = self._least(wire)
        return all(s.outcome == "answered" and s.first >= least for s in through) and all(
            sight.first < least for sight in beside
        )

    def _pad(self) -> int:
        return min(PAD, max(_PIECES * (self.size + self.variation), 16))

    def _least(self, wire: Wire) -> float:
        pieces = self._pad() // (self.size + self.variation)
        return (pieces - 1) * wire.seconds(self.delay)
