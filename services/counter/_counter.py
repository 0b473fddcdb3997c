"""The counters of an airport: the queue, the officers, and the cases they have decided."""

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
from ._manual import ManualVerification
from ._offline_watchlist import OfflineWatchlist, has_stored_snapshot
from ._online import OnlineCheck

_MAX_CASES = 10_000
"""Decisions kept in memory; older ones are looked up in the journal or at the border."""

Work = Callable[[], Coroutine[object, object, None]]
"""A background task that runs as long as the service."""


@dataclass(frozen=True)
class _Case:
    """A traveller's request, and the task that decides it."""

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
        """True while all counters are open."""
        self.mode = Mode(world.log)
        self.journal = world.journal(Path(world.env["JOURNAL"]))
        fresh = not has_stored_snapshot(self.journal)
        self.watchlist = Upstream(world, "watchlist", world.env["WATCHLIST"], first_start=fresh)
        self.border = Upstream(world, "border", world.env["BORDER"], first_start=fresh)
        self.offline = OfflineWatchlist(world, self.journal, self.watchlist)
        self.desks = Desks(self._officers)
        self._online = OnlineCheck(world.clock, self.watchlist, self.border, airport(world))
        self._manual = ManualVerification(world, self.journal, self.offline, airport(world))
        self.replayer = JournalReplayer(
            world.clock,
            world.log,
            self.journal,
            Entry(self.border).enter,
            batch=world.number("ENTRY_BATCH", 20),
            every=world.seconds("ENTRY_EVERY", 300),
        )
        self._cases: OrderedDict[str, _Case] = OrderedDict()
        self._maybe_recorded: set[str] = set()
        """Crossings that the ledger may have, and that the journal does not have yet."""
        self._mean_service_time = self._online_time

    @property
    def delay(self) -> float:
        """Expected wait of a traveller who joins the queue now, in scenario seconds."""
        usual = self._online_time if self.mode.name == "automatic" else self._manual_time
        return self.desks.waiting * max(usual, self._mean_service_time) / self.desks.size

    @property
    def backlog(self) -> int:
        """Number of journal records that are not in the ledger yet."""
        return self.journal.counts().written

    def background(self) -> Sequence[Work]:
        """Return the background tasks of the service."""
        return [
            partial(self.watchlist.watch, self.reassess),
            partial(self.border.watch, self.reassess),
            self.offline.keep_fresh,
            partial(self.replayer.run, self.reassess),
        ]

    def set_surge(self, *, all_open: bool) -> None:
        """Open all counters, or go back to the usual number."""
        if all_open != self.surge:
            self.surge = all_open
            self.desks.resize(self._surge_officers if all_open else self._officers)
            self._log("surge", officers=self.desks.size)

    def reassess(self) -> None:
        """Set the mode from the state of the data center and the backlog of the journal."""
        limited = [up for up in (self.watchlist, self.border) if up.state != "open"]
        down = [up for up in limited if up.state != "share"]
        if down:
            self.mode.become("manual", down[0].reason)
        elif limited:
            self.mode.become("mixed", limited[0].reason)
        elif self.backlog:
            self.mode.become("mixed", f"{self.backlog} journal records are not in the ledger yet")
        else:
            self.mode.become(
                "automatic", "the data center answers, and all journal records are in the ledger"
            )

    async def decide(self, asked: TravellerRequest) -> Decision:
        """Serve a traveller; the case is decided even if the client disconnects.

        The same crossing asked again gets the same decision.

        Raises:
            ApiError: The crossing id belongs to another request, or nothing can be recorded.
        """
        case = self._cases.get(asked.crossing)
        if case is None:
            case = self._open_case(asked)
        elif case.asked != asked:
            raise ApiError(
                409, "conflict", f"crossing {asked.crossing} belongs to another traveller"
            )
        return await asyncio.shield(case.task)

    def _open_case(self, asked: TravellerRequest) -> _Case:
        task = asyncio.ensure_future(self._serve(asked))
        case = self._cases[asked.crossing] = _Case(asked, task)
        while len(self._cases) > _MAX_CASES and next(iter(self._cases.values())).task.done():
            self._cases.popitem(last=False)
        task.add_done_callback(lambda task: self._forget_failed(asked.crossing, task))
        return case

    def _forget_failed(self, crossing: str, task: asyncio.Task[Decision]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._cases.pop(crossing, None)

    async def _serve(self, asked: TravellerRequest) -> Decision:
        joined = self._clock.now()
        async with self.desks.acquire() as desk:
            began = self._clock.now()
            decision = await self._at_desk(asked, desk)
            took = self._clock.now() - began
            self._mean_service_time += (took - self._mean_service_time) / 8
        self.reassess()
        return msgspec.structs.replace(decision, waited=began - joined)

    async def _at_desk(self, asked: TravellerRequest, desk: int) -> Decision:
        began = self._clock.now()
        try:
            traveller = read_document(asked)
        except MrzError:
            await self._sleep_until(began + self._online_time)
            return Decision("held", "manual", "snapshot", reason="unreadable")
        recorded = self._manual.recorded_decision(traveller)
        if recorded is not None:
            return recorded
        if self._online.accepts_calls:
            result = await self._online.check(traveller)
            if isinstance(result, Decision):
                self._maybe_recorded.discard(asked.crossing)
                await self._sleep_until(began + self._online_time)
                return result
            if result.maybe_recorded:
                self._maybe_recorded.add(asked.crossing)
            self.reassess()
        return await self._verify_manually(traveller, desk, began)

    async def _verify_manually(self, traveller: Traveller, desk: int, began: float) -> Decision:
        await self._sleep_until(began + self._manual_time)
        crossing = traveller.request.crossing
        decision = self._manual.decide(
            traveller, desk, maybe_recorded=crossing in self._maybe_recorded
        )
        self._maybe_recorded.discard(crossing)
        return decision

    async def _sleep_until(self, moment: float) -> None:
        await self._clock.sleep(max(0.0, moment - self._clock.now()))

    async def close(self) -> None:
        """Cancel all open cases; decisions already made are in the journal or the ledger."""
        tasks = [case.task for case in self._cases.values() if not case.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.watchlist.client.close()
        await self.border.client.close()
        self.journal.close()
