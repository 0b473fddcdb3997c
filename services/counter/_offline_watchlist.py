"""The watchlist on offline: fetched while the data center is there, kept for when it is not.

It is kept beside the journal, so a counter that is started in the middle of an outage has it. It
is believed only under the data center's signature, never replaced by an older one, and not used
beyond its age limit: a fugitive may have been listed since.
"""

import math

import msgspec

from services.kit import Answered, Journal, JournalError, Upstream, World
from services.snapshot import Snapshot, verify

_NOTE = "snapshot"


def holds_snapshot(journal: Journal) -> bool:
    """Whether this counter has had the data center before."""
    return journal.load(_NOTE) is not None


class OfflineWatchlist:
    """The last valid snapshot."""

    def __init__(self, world: World, journal: Journal, watchlist: Upstream) -> None:
        self._clock = world.clock
        self._log = world.log
        self._journal = journal
        self._watchlist = watchlist
        self._key = world.env["SNAPSHOT_KEY"]
        self._limit = world.seconds("SNAPSHOT_LIMIT", 345_600)
        self._every = world.clock.with_floor(world.seconds("SNAPSHOT_EVERY", 3600))
        self._again = world.clock.with_floor(60)
        self._snapshot: Snapshot | None = None
        self._listed: frozenset[str] = frozenset()
        kept = journal.load(_NOTE)
        if kept is not None:
            self._take(kept)

    @property
    def version(self) -> int | None:
        """The snapshot's version."""
        return None if self._snapshot is None else self._snapshot.version

    @property
    def age(self) -> float:
        """Seconds since it was issued; infinite if there is none."""
        if self._snapshot is None:
            return math.inf
        return max(0.0, self._snapshot.age(self._clock.now()))

    @property
    def valid(self) -> bool:
        """Whether an officer may decide by it."""
        return self.age <= self._limit

    def lists(self, document: str) -> bool:
        """Whether the document is on it."""
        return document in self._listed

    async def keep_fresh(self) -> None:
        """Fetch it now and then, for ever."""
        while True:
            fetched = self._watchlist.accepts_calls and await self.fetch()
            await self._clock.sleep(self._every if fetched else self._again)

    async def fetch(self) -> bool:
        """Fetch it; whether there is a new one."""
        outcome = await self._watchlist.get("/snapshot")
        if not isinstance(outcome, Answered) or not outcome.ok:
            return False
        body = msgspec.json.encode(outcome.body)
        if not self._take(body):
            return False
        try:
            self._journal.save(_NOTE, body)
        except JournalError as error:  # it is still good for as long as this process lives
            self._log("snapshot-unkept", reason=str(error))
        return True

    def _take(self, body: bytes) -> bool:
        try:
            snapshot = msgspec.json.decode(body, type=Snapshot)
        except msgspec.DecodeError as error:
            self._log("snapshot-refused", reason=str(error))
            return False
        if not verify(self._key, snapshot):
            self._log("snapshot-refused", reason="the signature is not the data center's")
            return False
        if self._snapshot is not None and snapshot.issued_at < self._snapshot.issued_at:
            self._log("snapshot-refused", reason="it is older than the one at hand")
            return False
        self._snapshot = snapshot
        self._listed = frozenset(snapshot.entries)
        self._log("snapshot", version=snapshot.version, age=round(self.age, 3))
        return True
