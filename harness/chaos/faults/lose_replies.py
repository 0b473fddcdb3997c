"""Lost replies: requests arrive and are carried out, and their answers are lost.

A caller that retries repeats what has been done already, so this fault finds missing idempotency.
"""

from harness.chaos._probe import Results
from harness.chaos._timing import Timing
from harness.chaos._toxic import Toxic

from ._silent_link import SilentLinkFault


class LoseReplies(SilentLinkFault, name="lose_replies"):
    """Discard answers; requests pass."""

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return a `timeout` toxic on answers; 0 means that the connection stays open."""
        del timing
        return (Toxic("timeout", "downstream", {"timeout": 0}),)

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True for silence, or for a close without an answer if the server closes early."""
        return super().shows_in(timing, via_link, direct) or (
            all(result.outcome == "closed" for result in via_link)
            and all(result.outcome == "answered" for result in direct)
        )
