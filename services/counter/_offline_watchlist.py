"""The offline watchlist: a snapshot fetched while the data center is up, for use while it is down.

The snapshot is stored with the journal, so that a counter started during an outage has it. It is
accepted only with the data center's signature, is never replaced by an older one, and is not used
beyond its age limit, because a fugitive may have been listed since.
"""

import math

import msgspec

from services.kit import Answered, Journal, JournalError, Upstream, World
from services.snapshot import Snapshot, verify

_NOTE = "snapshot"
"""The name under which the journal stores the snapshot."""


def has_stored_snapshot(journal: Journal) -> bool:
    """Return True if an earlier process of this counter has stored a snapshot."""
    return journal.load(_NOTE) is not None


class OfflineWatchlist:
    """The latest snapshot of the watchlist."""

    def __init__(self, world: World, journal: Journal, watchlist: Upstream) -> None:
        self._clock = world.clock
        self._log = world.log
        self._journal = journal
        self._watchlist = watchlist
        self._key = world.env["SNAPSHOT_KEY"]
        self._limit = world.seconds("SNAPSHOT_LIMIT", 345_600)
        self._every = world.clock.with_floor(world.seconds("SNAPSHOT_EVERY", 3600))
        self._retry_every = world.clock.with_floor(60)
        self._snapshot: Snapshot | None = None
        self._listed: frozenset[str] = frozenset()
        stored = journal.load(_NOTE)
        if stored is not None:
            self._accept(stored)

    @property
    def version(self) -> int | None:
        """The version of the snapshot; None if there is none."""
        return None if self._snapshot is None else self._snapshot.version

    @property
    def age(self) -> float:
        """Scenario seconds since the snapshot was issued; infinite if there is none."""
        if self._snapshot is None:
            return math.inf
        return max(0.0, self._snapshot.age(self._clock.now()))

    @property
    def is_valid(self) -> bool:
        """True if the snapshot is young enough for a decision."""
        return self.age <= self._limit

    def contains(self, document: str) -> bool:
        """Return True if the document is on the watchlist."""
        return document in self._listed

    async def keep_fresh(self) -> None:
        """Fetch a snapshot every `SNAPSHOT_EVERY`, and sooner after a failure; never return."""
        while True:
            fetched = self._watchlist.accepts_calls and await self.fetch()
            await self._clock.sleep(self._every if fetched else self._retry_every)

    async def fetch(self) -> bool:
        """Fetch a snapshot. Return True if it was accepted."""
        outcome = await self._watchlist.get("/snapshot")
        if not isinstance(outcome, Answered) or not outcome.ok:
            return False
        body = msgspec.json.encode(outcome.body)
        if not self._accept(body):
            return False
        try:
            self._journal.save(_NOTE, body)
        except JournalError as error:  # this process can still use it
            self._log("snapshot-unkept", reason=str(error))
        return True

    def _accept(self, body: bytes) -> bool:
        try:
            snapshot = msgspec.json.decode(body, type=Snapshot)
        except msgspec.DecodeError as error:
            self._log("snapshot-refused", reason=str(error))
            return False
        if not verify(self._key, snapshot):
            self._log("snapshot-refused", reason="its signature does not match SNAPSHOT_KEY")
            return False
        if self._snapshot is not None and snapshot.issued_at < self._snapshot.issued_at:
            self._log("snapshot-refused", reason="it was issued before the current snapshot")
            return False
        self._snapshot = snapshot
        self._listed = frozenset(snapshot.entries)
        self._log("snapshot", version=snapshot.version, age=round(self.age, 3))
        return True
