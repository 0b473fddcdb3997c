"""Counters that lose what they wrote, ignore the list, lie, or never come back."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from services.counter import create
from services.counter._counter import Counter
from services.counter._decision import Decision
from services.counter._manual import Manual
from services.counter._offline_watchlist import OfflineWatchlist
from services.kit import (
    ApiError,
    Breaker,
    Client,
    JournalReplayer,
    MemoryJournal,
    Record,
    Settled,
    SqliteJournal,
    Upstream,
    World,
)
from services.kit._breaker import Attempt
from services.kit._client import Answered, Outcome
from services.kit._client import _Call as Call

from . import planted

# ---- journals -----------------------------------------------------------------------------------


class Unwritten(SqliteJournal):
    """Answers as if it had kept the record."""

    def append(self, id: str, content: Mapping[str, object], group: str = "") -> Record:  # noqa: A002
        """Keep nothing."""
        return Record(0, id, content, group)


class Reopened(SqliteJournal):
    """Takes what was entered for not entered, three times."""

    again = 3

    def settle(self, settled: Iterable[Settled]) -> list[Record]:
        """Mark records, and forget all marks when the last one is set."""
        changed = super().settle(settled)
        if changed and self.again and self.counts().written == 0:
            self.again -= 1
            self._db.execute("UPDATE record SET state = 'written' WHERE state = 'entered'")
            counts = self._counts
            self._counts = replace(counts, written=counts.written + counts.entered, entered=0)
        return changed


def _with_journal(world: World, kind: type[SqliteJournal]) -> World:
    return replace(world, journal=kind)


class OnPaper(MemoryJournal):
    """Does not outlive its process."""

    def __init__(self, path: Path) -> None:
        super().__init__()


unwritten = planted(create, world=lambda world: _with_journal(world, Unwritten))
"""Admits by hand without having written it down."""

forgetful = planted(create, world=lambda world: replace(world, journal=OnPaper))
"""Keeps its journal in memory only."""

adds_again = planted(create, world=lambda world: _with_journal(world, Reopened))
"""Puts what is entered back on the pile."""


async def _one_batch(self: JournalReplayer, after_batch: object = None) -> None:
    del after_batch
    while not (self._journal.pending(1) and await self.replay_batch() == 0.0 and not self.held_up):
        await self._clock.sleep(self._every)


stops_entering = planted(create, (JournalReplayer, "run", _one_batch))
"""Its replayer goes home after the first batch."""

# ---- the list -----------------------------------------------------------------------------------


async def _fetch_once(self: OfflineWatchlist) -> None:
    while not await self.fetch():
        await self._clock.sleep(self._again)


ignores_list = planted(create, (OfflineWatchlist, "lists", lambda _self, _document: False))
"""Does not look at the snapshot that it has."""

stale_list = planted(
    create, (OfflineWatchlist, "keep_fresh", _fetch_once), (OfflineWatchlist, "valid", True)
)
"""Goes by the first snapshot for ever."""

# ---- answers ------------------------------------------------------------------------------------

_true_answer = Manual._admitted


def _central(content: Mapping[str, object]) -> Decision:
    decision = _true_answer(content)
    return Decision(
        decision.decision,
        "manual",
        "central",
        snapshot_version=decision.snapshot_version,
        snapshot_age=decision.snapshot_age,
    )


claims_central = planted(create, (Manual, "_admitted", staticmethod(_central)))
"""Says of a decision by hand that it is the data center's."""


async def _refuse(self: Counter, *arguments: object, **options: object) -> Decision:
    raise ApiError(503, "away", "the data center does not answer; please wait")


never_by_hand = planted(
    create, (Counter, "_by_hand", _refuse), (Counter, "reassess", lambda _self: None)
)
"""Knows no fallback: asks the data center, and sends everybody away until it answers."""

# ---- the data center's callers ------------------------------------------------------------------


_count = Breaker._count


def _keeps_its_slot(self: Breaker, attempt: Attempt) -> None:
    slots = self._probing
    _count(self, attempt)
    if self._state == "half-open":
        self._probing = slots


stuck_breaker = planted(create, (Breaker, "_count", _keeps_its_slot))
"""A probe of its breakers never gives its place back."""


_call = Client._call


async def _at_once(self: Client, call: Call, retries: int) -> Outcome:
    if call.path not in ("/check", "/crossings"):
        return await _call(self, call, retries)
    for again in range(100):
        outcome = await self._send(call)
        # Asking while refused is only as much as the machine can carry; asking thrice is certain.
        if again >= 2 and isinstance(outcome, Answered):
            break
        await asyncio.sleep(0.002)
    return outcome


stormy = planted(create, (Client, "_call", _at_once), (Upstream, "accepts_calls", True))
"""Asks again at once, without pause, budget or breaker, whatever it was told about waiting, and
believes no answer before the third."""
