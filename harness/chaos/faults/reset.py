"""Reset: the other side resets a connection (TCP RST) once data has been sent."""

from harness.chaos._fault_type import LinkFault
from harness.chaos._probe import Results
from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos._timing import Timing
from harness.chaos._toxic import Toxic
from harness.scenario import Duration


class Reset(LinkFault, name="reset"):
    """Reset each connection `after` its first data. The request does not arrive."""

    after: Duration = 0.0

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return a `reset_peer` toxic on requests; on answers it would let the request through."""
        return (Toxic("reset_peer", "upstream", {"timeout": timing.milliseconds(self.after)}),)

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options with a time-out beyond the reset."""
        return ProbeOptions(timeout=timing.seconds(self.after) + 1.0)

    def expected_result(self, timing: Timing) -> str:
        """Return `reset`: the probe's socket reports ECONNRESET."""
        del timing
        return "reset"

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if connections via the link, and only those, are reset (not closed)."""
        del timing
        return all(result.outcome == "reset" for result in via_link) and all(
            result.outcome != "reset" for result in direct
        )
