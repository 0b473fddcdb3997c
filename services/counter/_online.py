"""The online check: watchlist first, then the crossing itself.

What the data center did not say is not made up. `Fallback` says how far it came, because the
officer who goes on by hand must know whether a crossing may stand in the ledger already.
"""

from dataclasses import dataclass

from services.kit import Answered, Clock, OutcomeUnknown, Upstream
from services.traveller import Traveller

from ._decision import Decision


@dataclass(frozen=True)
class Fallback:
    """The data center did not decide."""

    reason: str
    maybe_recorded: bool = False
    """The border may have the crossing: it was sent, and no answer came."""


class Online:
    """Asks the data center."""

    def __init__(self, clock: Clock, watchlist: Upstream, border: Upstream, airport: str) -> None:
        self._clock = clock
        self._watchlist = watchlist
        self._border = border
        self._airport = airport

    @property
    def accepts_calls(self) -> bool:
        """Whether both can be asked; half an answer lets nobody in and costs a request."""
        return self._watchlist.accepts_calls and self._border.accepts_calls

    async def check(self, traveller: Traveller) -> Decision | Fallback:
        """Let the data center decide, as far as it does."""
        listed = await self._watchlist.get("/check", {"document": traveller.document}, retries=1)
        if not isinstance(listed, Answered) or not listed.ok:
            return Fallback(listed.reason)
        if listed.body.get("listed") is not False:
            return Decision("held", "online", "central", reason="watchlist")
        body = traveller.crossing(self._airport, "counter", self._clock.now())
        crossed = await self._border.post("/crossings", body, retries=1)
        if isinstance(crossed, OutcomeUnknown):
            return Fallback(crossed.reason, maybe_recorded=True)
        if not isinstance(crossed, Answered):
            return Fallback(crossed.reason)
        receipt = crossed.body.get("receipt")
        if crossed.ok and isinstance(receipt, int):
            return Decision("admitted", "online", "central", receipt=receipt)
        return Decision("held", "online", "central", reason=str(crossed.body.get("error", "")))
