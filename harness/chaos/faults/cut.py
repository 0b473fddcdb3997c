"""The line is down: connections are refused, and open ones are closed."""

from typing import ClassVar

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._silence import SILENCE
from harness.chaos._speech import Ask
from harness.chaos._wire import Wire


class Cut(LinkFault, name="cut"):
    """Refuse every connection. The proxy stops listening; accept-then-close would not do."""

    disables: ClassVar[bool] = True

    def ask(self, wire: Wire) -> Ask:
        """A refusal comes at once; nothing is gained by waiting for more."""
        del wire
        return Ask(patience=SILENCE)

    def expected(self, wire: Wire) -> str:
        """Nobody listens."""
        del wire
        return "refused"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """Every connection is refused."""
        del wire, beside
        return all(sight.outcome == "refused" for sight in through)
