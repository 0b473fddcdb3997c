"""The watchlist snapshot: a signed copy of the watchlist for use while the data center is down.

It is signed with HMAC-SHA256 over the canonical JSON (sorted keys, no spaces) of its other three
fields. Version and time of issue are part of it, so that its holder knows how old the data is. A
counter without the data center checks travellers against the snapshot only.
"""

import hashlib
import hmac
from collections.abc import Iterable

import msgspec


class Snapshot(msgspec.Struct, frozen=True):
    """The whole watchlist as of `issued_at` (scenario seconds since 1970)."""

    version: int
    issued_at: float
    entries: list[str]
    signature: str

    def age(self, now: float) -> float:
        """Return the snapshot's age at time `now`, in scenario seconds."""
        return now - self.issued_at


def sign(key: str, version: int, issued_at: float, entries: Iterable[str]) -> Snapshot:
    """Return a snapshot of `entries`, signed with `key`."""
    ordered = sorted(entries)
    return Snapshot(version, issued_at, ordered, _signature(key, version, issued_at, ordered))


def verify(key: str, snapshot: Snapshot) -> bool:
    """Return True if the snapshot was signed with `key` and was not changed since."""
    expected = _signature(key, snapshot.version, snapshot.issued_at, snapshot.entries)
    return hmac.compare_digest(expected.encode(), snapshot.signature.encode())


def _signature(key: str, version: int, issued_at: float, entries: list[str]) -> str:
    # A time that passed through JSON may come back as a whole number; 5 and 5.0 must be equal.
    signed = {"version": version, "issued_at": float(issued_at), "entries": entries}
    canonical = msgspec.json.encode(signed, order="deterministic")
    return hmac.new(key.encode(), canonical, hashlib.sha256).hexdigest()
