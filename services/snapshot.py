"""The watchlist on offline: a snapshot that an edge can trust without asking.

It is signed with HMAC-SHA256 over the canonical JSON (sorted keys, no spaces) of its other three
fields, and carries its version and the time of its issue, so that whoever holds it knows how old
is what they know. A counter that manages without the data center decides by nothing else.
"""

import hashlib
import hmac
from collections.abc import Iterable

import msgspec


class Snapshot(msgspec.Struct, frozen=True):
    """The whole watchlist as of `issued_at` (seconds of life since 1970)."""

    version: int
    issued_at: float
    entries: list[str]
    signature: str

    def age(self, now: float) -> float:
        """How many seconds of life ago it was issued."""
        return now - self.issued_at


def sign(key: str, version: int, issued_at: float, entries: Iterable[str]) -> Snapshot:
    """A snapshot under `key`."""
    ordered = sorted(entries)
    return Snapshot(version, issued_at, ordered, _signature(key, version, issued_at, ordered))


def verify(key: str, snapshot: Snapshot) -> bool:
    """Whether the snapshot was signed with `key` and says what was signed."""
    expected = _signature(key, snapshot.version, snapshot.issued_at, snapshot.entries)
    return hmac.compare_digest(expected.encode(), snapshot.signature.encode())


def _signature(key: str, version: int, issued_at: float, entries: list[str]) -> str:
    # A time that passed through JSON may come back as a whole number: 5 and 5.0 are one time.
    told = {"version": version, "issued_at": float(issued_at), "entries": entries}
    canonical = msgspec.json.encode(told, order="deterministic")
    return hmac.new(key.encode(), canonical, hashlib.sha256).hexdigest()
