"""Delay: every answer comes later, with optional jitter."""

from statistics import median
from typing import ClassVar, Self

from pydantic import Field, model_validator

from harness.chaos._fault_type import LinkFault
from harness.chaos._probe import Results
from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos._timing import Timing
from harness.chaos._toxic import Toxic
from harness.scenario import Duration

_MAX_WAIT = 5.0
"""Wall-clock seconds that a probe waits; a longer delay shows as silence for this long."""


class Delay(LinkFault, name="delay"):
    """Delay answers by `latency`, plus or minus up to `jitter`.

    Without jitter the delay is constant. Jitter is drawn for each chunk of data. The embedded
    server draws it from the run's seed, the names of proxy and toxic, and the number of the
    connection. In a real Toxiproxy it is not reproducible: the `-seed` of that has no effect
    (Shopify/toxiproxy, PR 610).
    """

    latency: Duration = Field(gt=0)
    jitter: Duration = 0.0
    probe_count: ClassVar[int] = 3

    @model_validator(mode="after")
    def _jitter_below_latency(self) -> Self:
        if self.jitter > self.latency:
            raise ValueError("jitter must not exceed latency; answers cannot come early")
        return self

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return a `latency` toxic on answers only, so that a round trip is delayed once."""
        jitter = round(timing.proportional(self.jitter, self.latency) * 1000)
        attributes = {"latency": timing.milliseconds(self.latency), "jitter": jitter}
        return (Toxic("latency", "downstream", attributes),)

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options with a time-out beyond the slowest answer."""
        slowest = timing.seconds(self.latency) + timing.proportional(self.jitter, self.latency)
        return ProbeOptions(timeout=min(slowest, _MAX_WAIT) + 0.5)

    def expected_result(self, timing: Timing) -> str:
        """Return by how many milliseconds answers are late."""
        return f"answered {self._usual_delay(timing) * 1000:.0f} ms later"

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if the median of three probes is late, and the fastest direct one is not."""
        delay = self._usual_delay(timing)
        if any(result.outcome not in ("answered", "silent") for result in via_link):
            return False
        if any(result.outcome == "silent" for result in via_link) and delay < _MAX_WAIT:
            return False
        fastest = min(result.response_time for result in direct)
        typical = median(result.response_time for result in via_link)
        return typical >= min(delay, _MAX_WAIT) and fastest < delay

    def _usual_delay(self, timing: Timing) -> float:
        """Return a delay that most answers reach: all with small jitter, 3 in 4 with the largest.

        In wall-clock seconds.
        """
        latency = timing.seconds(self.latency)
        jitter = timing.proportional(self.jitter, self.latency)
        return max(latency - jitter, latency / 2)
