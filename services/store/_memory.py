"""The registry in memory, for tests and for the simulation with virtual time.

It behaves as the one in PostgreSQL: `tests/services/test_registry.py` runs the same tests on both.
"""

from collections.abc import Sequence
from datetime import date

from services.population import Service, person

from ._registry import (
    Admission,
    Application,
    Credential,
    Crossing,
    DocumentHolder,
    Entry,
    LedgerLine,
    Outcome,
    Recorded,
    Watchlist,
)

VALID_UNTIL = date(2027, 6, 30)
"""The last valid day of the visas and permits that are registered at the start."""


class MemoryRegistry:
    """A registry whose content lasts as long as the object."""

    def __init__(self) -> None:
        self._population = 0
        self._credentials: dict[tuple[Service, str], Credential] = {}
        self._needs: dict[str, Service] = {}
        self._watchlist: dict[str, Entry] = {}
        self._ledger: dict[str, tuple[Crossing, Recorded]] = {}
        self._applications: dict[Service, dict[str, tuple[int, Application]]] = {}
        self._admissions: dict[str, Admission] = {}

    async def prepare(self, population: int) -> None:
        """Register the first `population` people."""
        for i in range(self._population, population):
            one = person(i)
            self._credentials["passport", one.document] = Credential(one.document, one.expiry)
            if one.kind != "citizen" and one.number is not None:
                self._needs[one.document] = one.kind
                credential = Credential(one.number, VALID_UNTIL, one.cancelled)
                self._credentials[one.kind, one.document] = credential
            if one.listed:
                await self.add_to_watchlist(one.document, "seed")
        self._population = max(population, self._population)

    async def ping(self) -> None:
        """Do nothing: memory always answers."""

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    async def is_listed(self, document: str) -> bool:
        """Return True if a document is on the watchlist."""
        return document in self._watchlist

    async def watchlist(self) -> Watchlist:
        """Return the whole watchlist."""
        return Watchlist(len(self._watchlist), sorted(self._watchlist))

    async def add_to_watchlist(self, document: str, reason: str) -> Entry:
        """Add a document to the watchlist; return the existing entry if there is one."""
        entry = Entry(len(self._watchlist) + 1, document, reason)
        return self._watchlist.setdefault(document, entry)

    async def entries(self, after: int, limit: int) -> Sequence[Entry]:
        """Return watchlist entries with a number above `after`, in order."""
        return list(self._watchlist.values())[after : after + limit]

    async def find_holder(self, document: str) -> DocumentHolder | None:
        """Return the holder of a document; None if no such document was issued."""
        passport = self._credentials.get(("passport", document))
        if passport is None:
            return None
        needs = self._needs.get(document)
        permission = None if needs is None else self._credentials.get((needs, document))
        assert needs != "passport"
        return DocumentHolder(passport, needs, permission)

    async def record(self, crossings: Sequence[Crossing]) -> Sequence[Recorded]:
        """Record crossings in the ledger in this order, each exactly once."""
        return [await self._record(one) for one in crossings]

    async def _record(self, crossing: Crossing) -> Recorded:
        known = await self.find_crossing(crossing)
        if known is not None:
            return known
        hit = crossing.document in self._watchlist
        recorded = Recorded("recorded", len(self._ledger) + 1, hit)
        self._ledger[crossing.id] = (crossing, recorded)
        return recorded

    async def find_crossing(self, crossing: Crossing) -> Recorded | None:
        """Return what `record` would return if the ledger has this crossing's id, else None."""
        if crossing.id not in self._ledger:
            return None
        known, first = self._ledger[crossing.id]
        outcome: Outcome = "duplicate" if known.is_same_event(crossing) else "conflict"
        return Recorded(outcome, first.receipt, first.late_hit)

    async def crossings(self, after: int, limit: int) -> Sequence[LedgerLine]:
        """Return ledger lines with a receipt above `after`, in order."""
        lines = list(self._ledger.values())[after : after + limit]
        return [
            LedgerLine(
                crossing.id,
                recorded.receipt,
                crossing.channel,
                crossing.document,
                crossing.airport,
                recorded.late_hit,
            )
            for crossing, recorded in lines
        ]

    async def apply(self, service: Service, application: Application) -> Outcome:
        """Register an application with a service, exactly once."""
        known = self._applications.setdefault(service, {})
        if application.id not in known:
            known[application.id] = (len(known) + 1, application)
            return "recorded"
        return "duplicate" if known[application.id][1] == application else "conflict"

    async def applications(
        self, service: Service, after: int, limit: int
    ) -> Sequence[tuple[int, Application]]:
        """Return a service's applications with a number above `after`, with their numbers."""
        return list(self._applications.get(service, {}).values())[after : after + limit]

    async def credential(self, service: Service, document: str) -> Credential | None:
        """Return what a service issued to the holder of a document, or None."""
        return self._credentials.get((service, document))

    async def admission(self, tenant: str) -> Admission | None:
        """Return the admission that a tenant last stored, or None."""
        return self._admissions.get(tenant)

    async def set_admission(self, tenant: str, admission: Admission) -> None:
        """Store a tenant's admission, so that it is found after a restart."""
        self._admissions[tenant] = admission
