"""The line is slow: every answer comes later."""

from statistics import median
from typing import ClassVar, Self

from pydantic import Field, model_validator

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._speech import Ask
from harness.chaos._toxic import Toxic
from harness.chaos._wire import Wire
from harness.scenario import Duration

_LONGEST = 5.0
"""Real seconds for which a canary waits; a longer delay is seen as silence for so long."""


class Delay(LinkFault, name="delay"):
    """Delay answers by `latency`, more or less by up to `jitter`.

    Without jitter the delay is constant. Jitter is drawn by the Toxiproxy for each chunk of data
    and is not reproducible: its own `-seed` has no effect (Shopify/toxiproxy, PR 610).
    """

    latency: Duration = Field(gt=0)
    jitter: Duration = 0.0
    looks: ClassVar[int] = 3

    @model_validator(mode="after")
    def _jitter_below_latency(self) -> Self:
        if self.jitter > self.latency:
            raise ValueError("jitter must not exceed latency; answers cannot come early")
        return self

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """Latency on answers, so that a round trip is delayed once."""
        jitter = round(wire.scaled(self.jitter, self.latency) * 1000)
        attributes = {"latency": wire.milliseconds(self.latency), "jitter": jitter}
        return (Toxic("latency", "downstream", attributes),)

    def ask(self, wire: Wire) -> Ask:
        """Wait for the slowest answer."""
        slowest = wire.seconds(self.latency) + wire.scaled(self.jitter, self.latency)
        return Ask(patience=min(slowest, _LONGEST) + 0.5)

    def expected(self, wire: Wire) -> str:
        """So much later."""
        return f"answered {self._least(wire) * 1000:.0f} ms later"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """The middle of three looks is late by so much, and none beside the link is."""
        least = self._least(wire)
        if any(sight.outcome not in ("answered", "silent") for sight in through):
            return False
        if any(sight.outcome == "silent" for sight in through) and least < _LONGEST:
            return False
        direct = min(sight.first for sight in beside)
        return median(sight.first for sight in through) >= min(least, _LONGEST) and direct < least

    def _least(self, wire: Wire) -> float:
        """What most answers are late by: all if jitter is small, three in four if it is great."""
        latency, jitter = wire.seconds(self.latency), wire.scaled(self.jitter, self.latency)
        return max(latency - jitter, latency / 2)
