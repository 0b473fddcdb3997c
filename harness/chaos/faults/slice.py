"""Slice: data arrives in small pieces with pauses between them."""

from typing import Self

from pydantic import Field, model_validator

from harness.chaos._fault_type import LinkFault
from harness.chaos._probe import Results
from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos._timing import MAX_PADDING, Timing
from harness.chaos._toxic import Toxic, both_streams
from harness.scenario import Duration

_PIECES = 8
"""Number of pieces of a probe's request, if it can be padded so far."""


class Slice(LinkFault, name="slice"):
    """Cut data into pieces of `size` bytes, plus or minus `variation`, `delay` apart."""

    size: int = Field(ge=1, le=MAX_PADDING // 2)
    variation: int = Field(default=0, ge=0)
    delay: Duration = Field(gt=0)

    @model_validator(mode="after")
    def _variation_below_size(self) -> Self:
        # Toxiproxy accepts such a toxic and crashes at the first data (Shopify/toxiproxy#541).
        if self.variation >= self.size:
            raise ValueError("variation must be less than size")
        return self

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return `slicer` toxics on both streams. Their delay is in microseconds."""
        attributes = {
            "average_size": self.size,
            "size_variation": self.variation,
            "delay": round(timing.seconds(self.delay) * 1_000_000),
        }
        return both_streams("slicer", attributes)

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options for a request of several pieces, with time for an answer of many more."""
        return ProbeOptions(timeout=2.0 + 20 * self._min_time(timing), padding=self._padding())

    def expected_result(self, timing: Timing) -> str:
        """Return the milliseconds after which the last piece of the request arrives."""
        return f"answered after {self._min_time(timing) * 1000:.0f} ms or more"

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if answers came only after all pieces of the request had passed."""
        min_time = self._min_time(timing)
        return all(
            result.outcome == "answered" and result.response_time >= min_time for result in via_link
        ) and all(result.response_time < min_time for result in direct)

    def _padding(self) -> int:
        return min(MAX_PADDING, max(_PIECES * (self.size + self.variation), 16))

    def _min_time(self, timing: Timing) -> float:
        """Return the wall-clock seconds of the pauses between the request's pieces."""
        pieces = self._padding() // (self.size + self.variation)
        return (pieces - 1) * timing.seconds(self.delay)
