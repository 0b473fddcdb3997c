"""Packets vanish: connections open, and nothing comes through them in either direction."""

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._silence import SILENCE, silent
from harness.chaos._speech import Ask
from harness.chaos._toxic import Toxic, both_ways
from harness.chaos._wire import Wire


class Blackhole(LinkFault, name="blackhole"):
    """Swallow requests and answers; callers wait for as long as they care to."""

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """A time-out of 0 never ends."""
        del wire
        return both_ways("timeout", {"timeout": 0})

    def ask(self, wire: Wire) -> Ask:
        """Wait a moment."""
        del wire
        return Ask(patience=SILENCE)

    def expected(self, wire: Wire) -> str:
        """Connected, without a word."""
        del wire
        return "silent"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """Silence where the target itself answers at once."""
        del wire
        return silent(through, beside)
