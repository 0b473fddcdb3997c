"""The interface of the central registry: its operations, their data and their errors.

    StorageError
    ├── StorageUnavailableError      unreachable or too slow; nothing was written
    └── StorageOutcomeUnknownError   a write was sent without an answer; it may have happened

A read without an answer raises `StorageUnavailableError`. Every write is idempotent by an id that
the caller chose, so after `StorageOutcomeUnknownError` the caller repeats it to learn its outcome.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal, Protocol

import msgspec

from services.population import Service


class StorageError(Exception):
    """The registry gave no usable answer."""


class StorageUnavailableError(StorageError):
    """The registry is unreachable or too slow, and nothing was written."""


class StorageOutcomeUnknownError(StorageError):
    """A write was sent, and its outcome is unknown."""


Outcome = Literal["recorded", "duplicate", "conflict"]


class Crossing(msgspec.Struct, frozen=True):
    """The crossing of a border by a traveller who was admitted."""

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

    def is_same_event(self, other: "Crossing") -> bool:
        """Return True if both records describe the same crossing; otherwise they conflict.

        Traveller, airport, flight and direction identify the event. Time and channel of the record
        do not: a crossing whose online answer was lost is submitted again from a journal, as `late`
        and with the officer's name.
        """
        return self.event_key() == other.event_key()

    def event_key(self) -> tuple[str, ...]:
        """Return the fields that identify the event."""
        return (self.document, self.nationality, self.airport, self.flight, self.direction)


class Recorded(msgspec.Struct, frozen=True):
    """The result of recording a crossing in the ledger."""

    outcome: Outcome
    receipt: int
    late_hit: bool
    """True if the document was on the watchlist when the crossing was recorded."""


class LedgerLine(msgspec.Struct, frozen=True):
    """One crossing as the paged read of the ledger returns it."""

    id: str
    receipt: int
    channel: str
    document: str
    airport: str
    late_hit: bool


class Credential(msgspec.Struct, frozen=True):
    """A passport, visa or stay permit that was issued to the holder of a document."""

    number: str
    until: date
    cancelled: bool = False


class DocumentHolder(msgspec.Struct, frozen=True):
    """The credentials that decide whether the holder of a document may cross."""

    passport: Credential
    needs: Literal["visa", "stay-permit"] | None
    """The credential that a foreigner needs besides the passport; None for a citizen."""
    permission: Credential | None


class Entry(msgspec.Struct, frozen=True):
    """One entry of the watchlist."""

    number: int
    document: str
    reason: str


class Watchlist(msgspec.Struct, frozen=True):
    """The whole watchlist at one moment. The version increases with each entry."""

    version: int
    documents: Sequence[str]


class Application(msgspec.Struct, frozen=True):
    """An application for a passport, visa or stay permit."""

    id: str
    document: str
    same_day: bool = False


class Admission(msgspec.Struct, frozen=True):
    """The state of a tenant's admission control: the share of requests that it admits.

    `at` is the scenario time at which the tenant last confirmed it.
    """

    share: float
    reason: str
    at: float


class Registry(Protocol):
    """The central registry. Every call may raise `StorageError`."""

    async def prepare(self, population: int) -> None:
        """Create the tables and register the first `population` people, unless that was done."""

    async def ping(self) -> None:
        """Make one round trip to the storage."""

    async def close(self) -> None:
        """Abort all connections immediately."""

    async def is_listed(self, document: str) -> bool:
        """Return True if a document is on the watchlist."""

    async def watchlist(self) -> Watchlist:
        """Return the whole watchlist."""

    async def add_to_watchlist(self, document: str, reason: str) -> Entry:
        """Add a document to the watchlist; return the existing entry if there is one."""

    async def entries(self, after: int, limit: int) -> Sequence[Entry]:
        """Return watchlist entries with a number above `after`, in order."""

    async def find_holder(self, document: str) -> DocumentHolder | None:
        """Return the holder of a document; None if no such document was issued."""

    async def record(self, crossings: Sequence[Crossing]) -> Sequence[Recorded]:
        """Record crossings in the ledger in this order, each exactly once, all or none of them."""

    async def find_crossing(self, crossing: Crossing) -> Recorded | None:
        """Return what `record` would return if the ledger has this crossing's id, else None."""

    async def crossings(self, after: int, limit: int) -> Sequence[LedgerLine]:
        """Return ledger lines with a receipt above `after`, in order."""

    async def apply(self, service: Service, application: Application) -> Outcome:
        """Register an application with a service, exactly once."""

    async def applications(
        self, service: Service, after: int, limit: int
    ) -> Sequence[tuple[int, Application]]:
        """Return a service's applications with a number above `after`, with their numbers."""

    async def credential(self, service: Service, document: str) -> Credential | None:
        """Return what a service issued to the holder of a document, or None."""

    async def admission(self, tenant: str) -> Admission | None:
        """Return the admission that a tenant last stored, or None."""

    async def set_admission(self, tenant: str, admission: Admission) -> None:
        """Store a tenant's admission, so that it is found after a restart."""
