"""Counters that lose records, ignore the watchlist, answer falsely, or stay in fallback."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from services.counter import create
from services.counter._counter import Counter
from services.counter._decision import Decision
from services.counter._manual import ManualVerification
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


class DiscardingJournal(SqliteJournal):
    """Discards new records, and reports success."""

    def append(self, id: str, content: Mapping[str, object], group: str = "") -> Record:  # noqa: A002
        """Return a record without storing it."""
        return Record(0, id, content, group)


class ResettingJournal(SqliteJournal):
    """Marks all entered records as not entered, three times."""

    resets_left = 3

    def settle(self, settled: Iterable[Settled]) -> list[Record]:
        """Mark records; reset all marks once the last record is marked."""
        changed = super().settle(settled)
        if changed and self.resets_left and self.counts().written == 0:
            self.resets_left -= 1
            self._db.execute("UPDATE record SET state = 'written' WHERE state = 'entered'")
            counts = self._counts
            self._counts = replace(counts, written=counts.written + counts.entered, entered=0)
        return changed


def _with_journal(world: World, journal: type[SqliteJournal]) -> World:
    return replace(world, journal=journal)


class VolatileJournal(MemoryJournal):
    """Keeps records in memory, so that they are lost with the process."""

    def __init__(self, path: Path) -> None:
        super().__init__()


unwritten = planted(create, world=lambda world: _with_journal(world, DiscardingJournal))
"""Admits manually without storing the record."""

forgetful = planted(create, world=lambda world: replace(world, journal=VolatileJournal))
"""Keeps its journal in memory only."""

adds_again = planted(create, world=lambda world: _with_journal(world, ResettingJournal))
"""Marks entered records as not entered, so that they are replayed again."""


async def _one_batch(self: JournalReplayer, after_batch: object = None) -> None:
    del after_batch
    while not (self._journal.pending(1) and await self.replay_batch() == 0.0 and not self.held_up):
        await self._clock.sleep(self._every)


stops_entering = planted(create, (JournalReplayer, "run", _one_batch))
"""Stops replaying its journal after the first batch."""

# ---- watchlist ----------------------------------------------------------------------------------


async def _fetch_once(self: OfflineWatchlist) -> None:
    while not await self.fetch():
        await self._clock.sleep(self._retry_every)


ignores_list = planted(create, (OfflineWatchlist, "contains", lambda _self, _document: False))
"""Admits travellers without checking the offline watchlist."""

stale_list = planted(
    create, (OfflineWatchlist, "keep_fresh", _fetch_once), (OfflineWatchlist, "is_valid", True)
)
"""Never fetches a second snapshot, and ignores the age limit."""

# ---- answers ------------------------------------------------------------------------------------

_admitted = ManualVerification._admitted


def _admitted_as_central(content: Mapping[str, object]) -> Decision:
    decision = _admitted(content)
    return Decision(
        decision.decision,
        "manual",
        "central",
        snapshot_version=decision.snapshot_version,
        snapshot_age=decision.snapshot_age,
    )


claims_central = planted(
    create, (ManualVerification, "_admitted", staticmethod(_admitted_as_central))
)
"""Reports a manual decision as one of the data center."""


async def _refuse(self: Counter, *arguments: object, **options: object) -> Decision:
    raise ApiError(503, "away", "the data center does not answer; please wait")


never_by_hand = planted(
    create, (Counter, "_verify_manually", _refuse), (Counter, "reassess", lambda _self: None)
)
"""Has no fallback: refuses all travellers until the data center answers."""

# ---- calls to the data center -------------------------------------------------------------------


_count = Breaker._count


def _count_without_release(self: Breaker, attempt: Attempt) -> None:
    slots = self._probing
    _count(self, attempt)
    if self._state == "half-open":
        self._probing = slots


stuck_breaker = planted(create, (Breaker, "_count", _count_without_release))
"""A half-open breaker never releases the slot of its probe, so it never closes."""


_call = Client._call


async def _retry_at_once(self: Client, call: Call, retries: int) -> Outcome:
    if call.path not in ("/check", "/crossings"):
        return await _call(self, call, retries)
    for again in range(100):
        outcome = await self._send(call)
        # How many refused calls fit in depends on the machine. Three calls each are certain.
        if again >= 2 and isinstance(outcome, Answered):
            break
        await asyncio.sleep(0.002)
    return outcome


stormy = planted(create, (Client, "_call", _retry_at_once), (Upstream, "accepts_calls", True))
"""Repeats every call at least three times, without pause, budget, breaker or `Retry-After`."""
