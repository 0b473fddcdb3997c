"""What faults that discard data have in common: silence on the link, an answer without it."""

from harness.chaos._fault_type import LinkFault
from harness.chaos._probe import Results
from harness.chaos._probe_protocol import SILENCE_TIMEOUT, ProbeOptions
from harness.chaos._timing import Timing


class SilentLinkFault(LinkFault):
    """A link fault under which connections open and no answer arrives."""

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options with the time-out for expected silence."""
        del timing
        return ProbeOptions(timeout=SILENCE_TIMEOUT)

    def expected_result(self, timing: Timing) -> str:
        """Return `silent`: connected, and neither data nor an end of the connection came."""
        del timing
        return "silent"

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if the link stayed silent for twice as long as a direct answer took.

        Silence proves nothing about a slow service, so at least one direct probe must have had
        an answer, and much sooner.
        """
        del timing
        answer = min(
            (result.response_time for result in direct if result.outcome != "silent"), default=None
        )
        return answer is not None and all(
            result.outcome == "silent" and result.response_time >= 2 * answer for result in via_link
        )
