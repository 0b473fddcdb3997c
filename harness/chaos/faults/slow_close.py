"""Slow close: data passes in time, and the end of the connection comes late."""

from pydantic import Field

from harness.chaos._fault_type import LinkFault
from harness.chaos._probe import Results
from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos._timing import Timing
from harness.chaos._toxic import Toxic
from harness.scenario import Duration


class SlowClose(LinkFault, name="slow_close"):
    """Delay the close of each connection by `delay`."""

    delay: Duration = Field(gt=0)

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return a `slow_close` toxic on answers: the server closes, the caller learns it late."""
        return (Toxic("slow_close", "downstream", {"delay": timing.milliseconds(self.delay)}),)

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options that make the probe wait for the close."""
        return ProbeOptions(timeout=timing.seconds(self.delay) + 1.0, until_close=True)

    def expected_result(self, timing: Timing) -> str:
        """Return by how many milliseconds the close follows the answer."""
        return f"closed {timing.seconds(self.delay) * 1000:.0f} ms or more after its answer"

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if the close came late via the link, and earlier without it.

        A close counts as late from 95 % of the delay on.
        """
        min_delay = timing.seconds(self.delay) * 0.95
        return all(
            result.connection == "closed" and result.total_time - result.response_time >= min_delay
            for result in via_link
        ) and all(
            result.connection == "closed" and result.total_time - result.response_time < min_delay
            for result in direct
        )
