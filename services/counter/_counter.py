"""The line, the officers, and the cases they have decided."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from services.kit import ApiError, Desks, JournalReplayer, Mode, Upstream, World
from services.mrz import MrzError
from services.traveller import Traveller, TravellerRequest, airport, read_document

from ._decision import Decision
from ._entry import Entry
from ._manual import Manual
from ._offline_watchlist import OfflineWatchlist, holds_snapshot
from ._online import Online

_REMEMBERED = 10_000  # decisions; older ones are found in the journal or asked of the border

Work = Callable[[], Coroutine[object, object, None]]


@dataclass(frozen=True)
class _Case:
    asked: TravellerRequest
    task: asyncio.Task[Decision]


class Counter:
    """All counters of one airport."""

    def __init__(self, world: World) -> None:
        self._clock = world.clock
        self._log = world.log
        self._online_time = world.seconds("ONLINE_TIME", 50)
        self._manual_time = world.seconds("MANUAL_TIME", 150)
        self._officers = world.number("OFFICERS", 2)
        self._surge_officers = max(self._officers, world.number("SURGE_OFFICERS", 4))
        self.surge = False
        self.mode = Mode(world.log)
        self.journal = world.journal(Path(world.env["JOURNAL"]))
        fresh = not holds_snapshot(self.journal)
        self.watchlist = Upstream(world, "watchlist", world.env["WATCHLIST"], first_start=fresh)
        self.border = Upstream(world, "border", world.env["BORDER"], first_start=fresh)
        self.offline = OfflineWatchlist(world, self.journal, self.watchlist)
        self.desks = Desks(self._officers)
        self._online = Online(world.clock, self.watchlist, self.border, airport(world))
        self._manual = Manual(world, self.journal, self.offline, airport(world))
        self.replayer = JournalReplayer(
            world.clock,
            world.log,
            self.journal,
            Entry(self.border).enter,
            batch=world.number("ENTRY_BATCH", 20),
            every=world.seconds("ENTRY_EVERY", 300),
        )
        self._cases: OrderedDict[str, _Case] = OrderedDict()
        self._unsure: set[str] = set()
        """Crossings that the ledger may have, and the journal had no room for."""
        self._took = self._online_time

    @property
    def delay(self) -> float:
        """How long somebody who joins the line now will wait, in seconds of life."""
        usual = self._online_time if self.mode.name == "automatic" else self._manual_time
        return self.desks.waiting * max(usual, self._took) / self.desks.size

    @property
    def backlog(self) -> int:
        """Records that are not in the ledger yet."""
        return self.journal.counts().written

    def background(self) -> Sequence[Work]:
        """What runs for as long as the counter is open."""
        return [
            partial(self.watchlist.watch, self.reassess),
            partial(self.border.watch, self.reassess),
            self.offline.keep_fresh,
            partial(self.replayer.run, self.reassess),
        ]

    def open_all(self, *, surge: bool) -> None:
        """All counters open, or the usual number again."""
        if surge != self.surge:
            self.surge = surge
            self.desks.resize(self._surge_officers if surge else self._officers)
            self._log("surge", officers=self.desks.size)

    def reassess(self) -> None:
        """Adapt the mode to how the data center stands and what waits to be entered."""
        poor = [up for up in (self.watchlist, self.border) if up.state != "open"]
        down = [up for up in poor if up.state != "share"]
        if down:
            self.mode.become("manual", down[0].reason)
        elif poor:
            self.mode.become("mixed", poor[0].reason)
        elif self.backlog:
            self.mode.become("mixed", f"{self.backlog} records wait to be entered")
        else:
            self.mode.become("automatic", "the data center answers and the journal is entered")

    async def decide(self, asked: TravellerRequest) -> Decision:
        """Serve a traveller. The case goes on even if whoever asked has hung up."""
        case = self._cases.get(asked.crossing)
        if case is None:
            case = self._open_case(asked)
        elif case.asked != asked:
            raise ApiError(409, "conflict", f"{asked.crossing} is another traveller's crossing")
        return await asyncio.shield(case.task)

    def _open_case(self, asked: TravellerRequest) -> _Case:
        task = asyncio.ensure_future(self._serve(asked))
        case = self._cases[asked.crossing] = _Case(asked, task)
        while len(self._cases) > _REMEMBERED and next(iter(self._cases.values())).task.done():
            self._cases.popitem(last=False)
        task.add_done_callback(lambda task: self._closed(asked.crossing, task))
        return case

    def _closed(self, crossing: str, task: asyncio.Task[Decision]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._cases.pop(crossing, None)

    async def _serve(self, asked: TravellerRequest) -> Decision:
        came = self._clock.now()
        async with self.desks.acquire() as desk:
            began = self._clock.now()
            decision = await self._at_desk(asked, desk)
            self._took += (self._clock.now() - began - self._took) / 8
        self.reassess()
        return msgspec.structs.replace(decision, waited=began - came)

    async def _at_desk(self, asked: TravellerRequest, desk: int) -> Decision:
        began = self._clock.now()
        try:
            traveller = read_document(asked)
        except MrzError:
            await self._until(began + self._online_time)
            return Decision("held", "manual", "snapshot", reason="unreadable")
        known = self._manual.known(traveller)
        if known is not None:
            return known
        if self._online.accepts_calls:
            answer = await self._online.check(traveller)
            if isinstance(answer, Decision):
                self._unsure.discard(asked.crossing)
                await self._until(began + self._online_time)
                return answer
            if answer.maybe_recorded:
                self._unsure.add(asked.crossing)
            self.reassess()
        return await self._by_hand(traveller, desk, began)

    async def _by_hand(self, traveller: Traveller, desk: int, began: float) -> Decision:
        await self._until(began + self._manual_time)
        crossing = traveller.request.crossing
        decision = self._manual.decide(traveller, desk, maybe_recorded=crossing in self._unsure)
        self._unsure.discard(crossing)
        return decision

    async def _until(self, moment: float) -> None:
        await self._clock.sleep(max(0.0, moment - self._clock.now()))

    async def close(self) -> None:
        """Send everybody home; what was decided is in the journal or the ledger."""
        tasks = [case.task for case in self._cases.values() if not case.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.watchlist.client.close()
        await self.border.client.close()
        self.journal.close()
