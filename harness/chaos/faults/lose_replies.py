"""Requests arrive and are carried out, but their answers are lost: the duplicate trap."""

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._silence import SILENCE, silent
from harness.chaos._speech import Ask
from harness.chaos._toxic import Toxic
from harness.chaos._wire import Wire


class LoseReplies(LinkFault, name="lose_replies"):
    """Swallow answers only."""

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """A time-out of 0 never ends."""
        del wire
        return (Toxic("timeout", "downstream", {"timeout": 0}),)

    def ask(self, wire: Wire) -> Ask:
        """Wait a moment."""
        del wire
        return Ask(patience=SILENCE)

    def expected(self, wire: Wire) -> str:
        """Connected, without an answer."""
        del wire
        return "silent"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """Silence where the target itself answers, or an end if the target hangs up at once."""
        del wire
        return silent(through, beside) or (
            all(sight.outcome == "closed" for sight in through)
            and all(sight.outcome == "answered" for sight in beside)
        )
