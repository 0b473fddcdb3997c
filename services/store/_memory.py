"""The registry in memory: for tests and for the simulation, where time is not real.

It answers as PostgreSQL does; `tests/services/test_registry.py` asks both the same questions.
"""

from collections.abc import Sequence
from datetime import date

from services.population import Service, person

from ._registry import (
    Admission,
    Application,
    Credential,
    Crossing,
    Entry,
    LedgerLine,
    Outcome,
    Recorded,
    Traveller,
    Watchlist,
)

UNTIL = date(2027, 6, 30)
"""Until when the visas and permits of the first population run."""


class MemoryRegistry:
    """A registry that lives as long as the object does."""

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
                credential = Credential(one.number, UNTIL, one.cancelled)
                self._credentials[one.kind, one.document] = credential
            if one.listed:
                await self.list_document(one.document, "seed")
        self._population = max(population, self._population)

    async def ping(self) -> None:
        """Memory is always there."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def listed(self, document: str) -> bool:
        """Whether a document is on the watchlist."""
        return document in self._watchlist

    async def watchlist(self) -> Watchlist:
        """The whole watchlist."""
        return Watchlist(len(self._watchlist), sorted(self._watchlist))

    async def list_document(self, document: str, reason: str) -> Entry:
        """Put a document on the watchlist, once."""
        entry = Entry(len(self._watchlist) + 1, document, reason)
        return self._watchlist.setdefault(document, entry)

    async def entries(self, after: int, limit: int) -> Sequence[Entry]:
        """Entries of the watchlist by number."""
        return list(self._watchlist.values())[after : after + limit]

    async def traveller(self, document: str) -> Traveller | None:
        """The holder of a document."""
        passport = self._credentials.get(("passport", document))
        if passport is None:
            return None
        needs = self._needs.get(document)
        permission = None if needs is None else self._credentials.get((needs, document))
        assert needs != "passport"
        return Traveller(passport, needs, permission)

    async def record(self, crossings: Sequence[Crossing]) -> Sequence[Recorded]:
        """Submit crossings into the ledger, each once."""
        return [await self._record(one) for one in crossings]

    async def _record(self, crossing: Crossing) -> Recorded:
        known = await self.recorded(crossing)
        if known is not None:
            return known
        hit = crossing.document in self._watchlist
        recorded = Recorded("recorded", len(self._ledger) + 1, hit)
        self._ledger[crossing.id] = (crossing, recorded)
        return recorded

    async def recorded(self, crossing: Crossing) -> Recorded | None:
        """What became of a crossing that is in the ledger already."""
        if crossing.id not in self._ledger:
            return None
        known, first = self._ledger[crossing.id]
        outcome: Outcome = "duplicate" if known.same(crossing) else "conflict"
        return Recorded(outcome, first.receipt, first.late_hit)

    async def crossings(self, after: int, limit: int) -> Sequence[LedgerLine]:
        """Lines of the ledger by receipt."""
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
        """Register an application, once."""
        known = self._applications.setdefault(service, {})
        if application.id not in known:
            known[application.id] = (len(known) + 1, application)
            return "recorded"
        return "duplicate" if known[application.id][1] == application else "conflict"

    async def applications(
        self, service: Service, after: int, limit: int
    ) -> Sequence[tuple[int, Application]]:
        """Applications by their number."""
        return list(self._applications.get(service, {}).values())[after : after + limit]

    async def credential(self, service: Service, document: str) -> Credential | None:
        """What a service issued to the holder of a document."""
        return self._credentials.get((service, document))

    async def admission(self, tenant: str) -> Admission | None:
        """What a tenant last wrote about its admission."""
        return self._admissions.get(tenant)

    async def set_admission(self, tenant: str, admission: Admission) -> None:
        """Keep a tenant's admission for its next life."""
        self._admissions[tenant] = admission
