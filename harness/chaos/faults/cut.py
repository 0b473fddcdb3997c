"""The line is down: connections are refused, and open ones are closed."""

from typing import ClassVar

from harness.chaos._kind import LinkFault, Looks
from harness.chaos._wire import Wire


class Cut(LinkFault, name="cut"):
    """Refuse every connection. The proxy stops listening; accept-then-close would not do."""

    disables: ClassVar[bool] = True

    def expected(self, wire: Wire) -> str:
        """Nobody listens."""
        del wire
        return "refused"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """Every connection is refused."""
        del wire, beside
        return all(sight.outcome == "refused" for sight in through)
