"""Cut: new connections are refused, and open ones are closed."""

from typing import ClassVar

from harness.chaos._fault_type import LinkFault
from harness.chaos._probe import Results
from harness.chaos._probe_protocol import SILENCE_TIMEOUT, ProbeOptions
from harness.chaos._timing import Timing


class Cut(LinkFault, name="cut"):
    """Refuse every connection.

    The proxy stops listening. To accept and then close would be another fault.
    """

    disables_proxy: ClassVar[bool] = True

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options with a short time-out: a refusal comes at once."""
        del timing
        return ProbeOptions(timeout=SILENCE_TIMEOUT)

    def expected_result(self, timing: Timing) -> str:
        """Return `refused`: no process listens."""
        del timing
        return "refused"

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if every connection via the link is refused."""
        del timing, direct
        return all(result.outcome == "refused" for result in via_link)
