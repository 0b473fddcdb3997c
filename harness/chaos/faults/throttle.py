"""Throttle: data flows at a low rate in both directions."""

from typing import ClassVar

from pydantic import Field

from harness.chaos._fault_type import LinkFault
from harness.chaos._probe import Results
from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos._timing import MAX_PADDING, Timing
from harness.chaos._toxic import Toxic, both_streams

_TARGET_TIME = 0.3
"""Wall-clock seconds that a probe's padding should take, as far as `MAX_PADDING` allows."""


class Throttle(LinkFault, name="throttle"):
    """Let `rate` KB (1000 bytes) per scenario second pass, on each connection and direction."""

    rate: float = Field(gt=0, allow_inf_nan=False, description="KB per scenario second.")
    probe_count: ClassVar[int] = 3

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return `bandwidth` toxics on both streams."""
        return both_streams("bandwidth", {"rate": timing.rate(self.rate)})

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options for a padded request, whose time shows the rate."""
        return ProbeOptions(timeout=2.0 + 2 * self._min_time(timing), padding=self._padding(timing))

    def expected_result(self, timing: Timing) -> str:
        """Return the milliseconds that the padding takes at least."""
        return f"answered after {self._min_time(timing) * 1000:.0f} ms or more"

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if even the fastest of three probes took as long as its padding must."""
        min_time = self._min_time(timing)
        return (
            all(result.outcome == "answered" for result in via_link)
            and min(result.response_time for result in via_link) >= min_time
            and min(result.response_time for result in direct) < min_time
        )

    def _padding(self, timing: Timing) -> int:
        return round(min(MAX_PADDING, max(timing.rate(self.rate) * 1000 * _TARGET_TIME, 100)))

    def _min_time(self, timing: Timing) -> float:
        """Return the wall-clock seconds in which the padding passes at the throttled rate."""
        return self._padding(timing) / (timing.rate(self.rate) * 1000)
