"""The data center's registry: what the tenants keep there, in PostgreSQL or in memory."""

from ._memory import MemoryRegistry
from ._postgres import open_postgres
from ._registry import (
    Admission,
    Application,
    Credential,
    Crossing,
    Entry,
    LedgerLine,
    Recorded,
    Registry,
    StorageError,
    StorageOutcomeUnknownError,
    StorageUnavailableError,
    Traveller,
    Watchlist,
)

__all__ = [
    "Admission",
    "Application",
    "Credential",
    "Crossing",
    "Entry",
    "LedgerLine",
    "MemoryRegistry",
    "Recorded",
    "Registry",
    "StorageError",
    "StorageOutcomeUnknownError",
    "StorageUnavailableError",
    "Traveller",
    "Watchlist",
    "open_postgres",
]
