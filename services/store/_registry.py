"""What the tenants ask of the central registry, and how it may fail them.

    StorageError
    ├── StorageUnavailableError     the registry did not do it: unreachable, or too slow to even begin
    └── StorageOutcomeUnknownError   the write was sent and the answer never came: it may have happened

A read that gets no answer is merely away. Every write is idempotent by an id that its caller
chose, so after `StorageOutcomeUnknownError` the caller asks again and learns what became of it.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal, Protocol

import msgspec

from services.population import Service


class StorageError(Exception):
    """The registry gave no answer that the caller could use."""


class StorageUnavailableError(StorageError):
    """The registry is unreachable or too slow, and nothing was written."""


class StorageOutcomeUnknownError(StorageError):
    """A write was sent, its outcome is unknown."""


Outcome = Literal["recorded", "duplicate", "conflict"]


class Crossing(msgspec.Struct, frozen=True):
    """A traveller who was let through at a border."""

    id: str
    document: str
    nationality: str
    airport: str
    flight: str
    direction: str
    channel: str
    recorded_at: float
    officer: str | None = None
    snapshot_version: int | None = None

    def same(self, other: "Crossing") -> bool:
        """Whether both tell of the same event.

        Who crossed, where, and on which flight makes the event. When and through which channel it
        was written down does not: a crossing whose online answer was lost comes again out of a
        journal, as `late` and with the officer's name.
        """
        return self.event() == other.event()

    def event(self) -> tuple[str, ...]:
        """What makes two records of one id the same or a conflict."""
        return (self.document, self.nationality, self.airport, self.flight, self.direction)


class Recorded(msgspec.Struct, frozen=True):
    """What became of a crossing that was brought to the ledger."""

    outcome: Outcome
    receipt: int
    late_hit: bool
    """The document was on the watchlist when the crossing was entered."""


class LedgerLine(msgspec.Struct, frozen=True):
    """One crossing as the final read of the ledger shows it."""

    id: str
    receipt: int
    channel: str
    document: str
    airport: str
    late_hit: bool


class Credential(msgspec.Struct, frozen=True):
    """A passport, visa or stay permit of a document's holder."""

    number: str
    until: date
    cancelled: bool = False


class Traveller(msgspec.Struct, frozen=True):
    """What border has to know about the holder of a document."""

    passport: Credential
    needs: Literal["visa", "stay-permit"] | None
    """What a foreigner must hold besides the passport."""
    permission: Credential | None


class Entry(msgspec.Struct, frozen=True):
    """A document on the watchlist."""

    number: int
    document: str
    reason: str


class Watchlist(msgspec.Struct, frozen=True):
    """The whole watchlist at one moment. The version grows with each entry."""

    version: int
    documents: Sequence[str]


class Application(msgspec.Struct, frozen=True):
    """An application for a passport, visa or stay permit."""

    id: str
    document: str
    same_day: bool = False


class Admission(msgspec.Struct, frozen=True):
    """How much of its traffic a tenant lets in, and when that was last known to be so."""

    share: float
    reason: str
    at: float


class Registry(Protocol):
    """The central registry. Every call may raise `StorageError`."""

    async def prepare(self, population: int) -> None:
        """Make the tables and register the first `population` people, unless that was done."""

    async def ping(self) -> None:
        """Do a round trip."""

    async def close(self) -> None:
        """Let go of every connection, at once."""

    async def listed(self, document: str) -> bool:
        """Whether a document is on the watchlist."""

    async def watchlist(self) -> Watchlist:
        """The whole watchlist."""

    async def list_document(self, document: str, reason: str) -> Entry:
        """Put a document on the watchlist, once; the entry that then stands there."""

    async def entries(self, after: int, limit: int) -> Sequence[Entry]:
        """Entries of the watchlist by number."""

    async def traveller(self, document: str) -> Traveller | None:
        """The holder of a document; None if no such document was issued."""

    async def record(self, crossings: Sequence[Crossing]) -> Sequence[Recorded]:
        """Submit crossings into the ledger in their order, each once, all of them or none."""

    async def recorded(self, crossing: Crossing) -> Recorded | None:
        """What `record` would answer, of a crossing that is in the ledger already."""

    async def crossings(self, after: int, limit: int) -> Sequence[LedgerLine]:
        """Lines of the ledger by receipt."""

    async def apply(self, service: Service, application: Application) -> Outcome:
        """Register an application, once."""

    async def applications(
        self, service: Service, after: int, limit: int
    ) -> Sequence[tuple[int, Application]]:
        """Applications by their number in the registry."""

    async def credential(self, service: Service, document: str) -> Credential | None:
        """What a service issued to the holder of a document."""

    async def admission(self, tenant: str) -> Admission | None:
        """What a tenant last wrote about its admission."""

    async def set_admission(self, tenant: str, admission: Admission) -> None:
        """Keep a tenant's admission for its next life."""
