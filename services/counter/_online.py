"""The online check: the watchlist first, then the crossing itself.

Without an answer of the data center nothing is decided. `Undecided` then says how far the check
came, because the officer who continues manually must know whether the ledger may already have the
crossing.
"""

from dataclasses import dataclass

from services.kit import Answered, Clock, OutcomeUnknown, Upstream
from services.traveller import Traveller

from ._decision import Decision


@dataclass(frozen=True)
class Undecided:
    """The data center did not decide."""

    reason: str
    maybe_recorded: bool = False
    """True if the ledger may have the crossing: it was sent, and no answer came."""


class OnlineCheck:
    """Asks the data center about travellers."""

    def __init__(self, clock: Clock, watchlist: Upstream, border: Upstream, airport: str) -> None:
        self._clock = clock
        self._watchlist = watchlist
        self._border = border
        self._airport = airport

    @property
    def accepts_calls(self) -> bool:
        """True if both tenants can be asked; one answer alone admits nobody."""
        return self._watchlist.accepts_calls and self._border.accepts_calls

    async def check(self, traveller: Traveller) -> Decision | Undecided:
        """Return the data center's decision, or how far the check came without one."""
        listed = await self._watchlist.get("/check", {"document": traveller.document}, retries=1)
        if not isinstance(listed, Answered) or not listed.ok:
            return Undecided(listed.reason)
        if listed.body.get("listed") is not False:
            return Decision("held", "online", "central", reason="watchlist")
        body = traveller.crossing(self._airport, "counter", self._clock.now())
        crossed = await self._border.post("/crossings", body, retries=1)
        if isinstance(crossed, OutcomeUnknown):
            return Undecided(crossed.reason, maybe_recorded=True)
        if not isinstance(crossed, Answered):
            return Undecided(crossed.reason)
        receipt = crossed.body.get("receipt")
        if crossed.ok and isinstance(receipt, int):
            return Decision("admitted", "online", "central", receipt=receipt)
        return Decision("held", "online", "central", reason=str(crossed.body.get("error", "")))
