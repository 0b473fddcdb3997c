"""The central registry that all tenants of the data center share.

`open_postgres` opens the one in PostgreSQL; `MemoryRegistry` has the same behaviour in memory.
"""

from ._memory import MemoryRegistry
from ._postgres import open_postgres
from ._registry import (
    Admission,
    Application,
    Credential,
    Crossing,
    DocumentHolder,
    Entry,
    LedgerLine,
    Recorded,
    Registry,
    StorageError,
    StorageOutcomeUnknownError,
    StorageUnavailableError,
    Watchlist,
)

__all__ = [
    "Admission",
    "Application",
    "Credential",
    "Crossing",
    "DocumentHolder",
    "Entry",
    "LedgerLine",
    "MemoryRegistry",
    "Recorded",
    "Registry",
    "StorageError",
    "StorageOutcomeUnknownError",
    "StorageUnavailableError",
    "Watchlist",
    "open_postgres",
]
