"""The lanes: each lets one traveller through at a time."""

from typing import Literal, NoReturn
from zlib import crc32

import msgspec

from services.kit import Answered, Clock, DesksClosedError, Outcome, Upstream, World
from services.mrz import MrzError
from services.traveller import Traveller, TravellerRequest, airport, read_document

from ._gate import Gate


class Passage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a traveller. `referred`: sent to an officer."""

    decision: Literal["admitted", "referred"]
    path: Literal["autogate"] | None = None
    source: Literal["central"] | None = None
    receipt: int | None = None
    reason: Literal["unreadable", "watchlist", "document"] | None = None


class Lanes:
    """Serves travellers, one for each open lane at a time."""

    def __init__(self, world: World, gate: Gate, watchlist: Upstream, border: Upstream) -> None:
        self._clock: Clock = world.clock
        self._gate = gate
        self._watchlist = watchlist
        self._border = border
        self._airport = airport(world)
        self._shortest = world.seconds("GATE_MIN", 15)
        self._longest = world.seconds("GATE_MAX", 25)

    async def serve(self, asked: TravellerRequest) -> Passage:
        """Serve a traveller as soon as a lane is free.

        Raises:
            ApiError: No lane can serve the traveller, who is to go to a counter.
        """
        try:
            async with self._gate.lanes.acquire():
                opened = self._clock.now()
                passage = await self._decide(asked)
                left = opened + self._duration(asked.crossing) - self._clock.now()
                await self._clock.sleep(max(0.0, left))
                return passage
        except DesksClosedError:
            raise self._gate.divert() from None

    def _duration(self, crossing: str) -> float:
        # Derived from the crossing id, so that a repeated run takes the same time.
        part = crc32(crossing.encode()) % 1001 / 1000
        return self._shortest + part * (self._longest - self._shortest)

    async def _decide(self, asked: TravellerRequest) -> Passage:
        try:
            traveller = read_document(asked)
        except MrzError:
            return Passage("referred", reason="unreadable")
        if not (self._watchlist.accepts_calls and self._border.accepts_calls):
            self._divert("the data center cannot be asked now")
        params = {"document": traveller.document}
        listed = self._require_answer(await self._watchlist.get("/check", params, retries=1))
        if not listed.ok:
            self._divert(listed.reason)
        if listed.body.get("listed") is not False:
            return Passage("referred", reason="watchlist")
        return await self._cross(traveller)

    async def _cross(self, traveller: Traveller) -> Passage:
        body = traveller.crossing(self._airport, "autogate", self._clock.now())
        crossed = self._require_answer(await self._border.post("/crossings", body, retries=1))
        receipt = crossed.body.get("receipt")
        if crossed.ok and isinstance(receipt, int):
            return Passage("admitted", "autogate", "central", receipt)
        return Passage("referred", reason="document")

    def _require_answer(self, outcome: Outcome) -> Answered:
        """Return the answer; without one, divert the traveller."""
        self._gate.reassess()
        if not isinstance(outcome, Answered):
            self._divert(outcome.reason)
        return outcome

    def _divert(self, reason: str) -> NoReturn:
        raise self._gate.divert(reason)
