"""Connections break: the other side resets them as soon as something is sent."""

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._speech import Ask
from harness.chaos._toxic import Toxic
from harness.chaos._wire import Wire
from harness.scenario import Duration


class Reset(LinkFault, name="reset"):
    """Reset each connection `after` its first data. The request does not arrive."""

    after: Duration = 0.0

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """On requests: a reset of answers would let the request through (see lose_replies)."""
        return (Toxic("reset_peer", "upstream", {"timeout": wire.milliseconds(self.after)}),)

    def ask(self, wire: Wire) -> Ask:
        """Wait for the reset."""
        return Ask(patience=wire.seconds(self.after) + 1.0)

    def expected(self, wire: Wire) -> str:
        """ECONNRESET."""
        del wire
        return "reset"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """Reset, and not merely closed; the target itself does not do that."""
        del wire
        return all(sight.outcome == "reset" for sight in through) and all(
            sight.outcome != "reset" for sight in beside
        )
