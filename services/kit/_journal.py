"""A durable journal of decisions that a service took while the data center was unavailable.

A record is committed before the traveller or applicant is answered, so every answer that was given
can be submitted to the data center later. Records are submitted oldest first and never deleted. A
record is `written` until the data center has it (`entered`) or a human has to examine it
(`quarantined`, with a reason). Its id is the id of the crossing or application: appending it again
has no effect, and appending it with different content is an error.

Calls are short and synchronous on purpose: a request must not be answered before its record is
written, and a write that other tasks can overtake could be lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import msgspec

State = Literal["written", "entered", "quarantined"]


class JournalError(Exception):
    """The journal cannot store a record now; a caller that needs one must refuse the request."""


class JournalFullError(JournalError):
    """There is no space left on the journal's disk."""


class JournalConflictError(Exception):
    """A record with this id exists and has different content."""


@dataclass(frozen=True)
class Record:
    """One entry of a journal. `number` increases from the oldest to the newest."""

    number: int
    id: str
    content: Mapping[str, object]
    group: str = ""
    """Which replayer submits it, if several share one journal; the name of the target service."""
    state: State = "written"
    reason: str | None = None


@dataclass(frozen=True)
class Settled:
    """The final state of a record: entered, or quarantined for a human with a reason."""

    id: str
    state: Literal["entered", "quarantined"] = "entered"
    reason: str | None = None


@dataclass(frozen=True)
class Counts:
    """The number of records in each state."""

    written: int = 0
    entered: int = 0
    quarantined: int = 0

    @property
    def total(self) -> int:
        """The number of records that were ever appended."""
        return self.written + self.entered + self.quarantined

    @property
    def share(self) -> float:
        """The share of records that are entered or quarantined; 1 for an empty journal."""
        return 1.0 if self.total == 0 else (self.entered + self.quarantined) / self.total

    def moved(self, old: State | None, new: State) -> "Counts":
        """Return the counts after one record changed from `old` (None: it is new) to `new`."""
        counts = {"written": self.written, "entered": self.entered, "quarantined": self.quarantined}
        if old is not None:
            counts[old] -= 1
        counts[new] += 1
        return Counts(**counts)


class Journal(Protocol):
    """A durable list of records. Every method may raise `JournalError`."""

    def append(self, id: str, content: Mapping[str, object], group: str = "") -> Record:  # noqa: A002 - the field is called `id` everywhere else
        """Store a record durably and return it; return the existing one if it is the same.

        Raises:
            JournalConflictError: A record with this id has different content.
            JournalError: The record could not be stored (`JournalFullError`: the disk is full).
        """

    def settle(self, settled: Iterable[Settled]) -> list[Record]:
        """Mark written records as settled, all or none, and return those that changed.

        Ids that are unknown or already settled are ignored, so settling twice has no effect.
        """

    def find(self, id: str) -> Record | None:  # noqa: A002 - as above
        """Return the record with this id, or None."""

    def pending(self, limit: int, group: str | None = None) -> list[Record]:
        """Return the oldest `written` records, at most `limit`; of one `group` only if given."""

    def page(self, after: int, limit: int, state: State | None = None) -> list[Record]:
        """Return records with a number above `after`, oldest first; of one `state` if given."""

    def counts(self) -> Counts:
        """Return the number of records in each state."""

    def save(self, name: str, value: bytes) -> None:
        """Store `value` durably under `name`, next to the records, replacing an older value."""

    def load(self, name: str) -> bytes | None:
        """Return the value that was saved under `name`, or None."""

    def close(self) -> None:
        """Close the journal's file."""


def canonical(content: Mapping[str, object]) -> bytes:
    """Return `content` as JSON with sorted keys, for comparing two contents."""
    return msgspec.json.encode(content, order="sorted")


class MemoryJournal:
    """A journal in memory, for tests and the simulation.

    It can be handed to the next simulated process, which finds its records as in a file.
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._counts = Counts()
        self._saved: dict[str, bytes] = {}

    def append(self, id: str, content: Mapping[str, object], group: str = "") -> Record:  # noqa: A002 - as in the protocol
        """Store a record until the object is discarded."""
        known = self._records.get(id)
        if known is not None:
            return same_or_conflict(known, content)
        # A copy as JSON, so that it equals what a journal on disk returns.
        copy: dict[str, object] = msgspec.json.decode(canonical(content))
        record = Record(len(self._records) + 1, id, copy, group)
        self._records[id] = record
        self._counts = self._counts.moved(None, "written")
        return record

    def settle(self, settled: Iterable[Settled]) -> list[Record]:
        """Mark written records as settled."""
        changed = []
        for mark in settled:
            record = self._records.get(mark.id)
            if record is None or record.state != "written":
                continue
            changed.append(replace(record, state=mark.state, reason=mark.reason))
            self._records[mark.id] = changed[-1]
            self._counts = self._counts.moved("written", mark.state)
        return changed

    def find(self, id: str) -> Record | None:  # noqa: A002 - as in the protocol
        """Return the record with this id, or None."""
        return self._records.get(id)

    def pending(self, limit: int, group: str | None = None) -> list[Record]:
        """Return the oldest `written` records."""
        return self._oldest(
            [
                record
                for record in self._records.values()
                if record.state == "written" and group in (None, record.group)
            ],
            limit,
        )

    def page(self, after: int, limit: int, state: State | None = None) -> list[Record]:
        """Return records with a number above `after`, oldest first."""
        return self._oldest(
            [
                record
                for record in self._records.values()
                if record.number > after and state in (None, record.state)
            ],
            limit,
        )

    @staticmethod
    def _oldest(records: Sequence[Record], limit: int) -> list[Record]:
        return sorted(records, key=lambda record: record.number)[:limit]

    def counts(self) -> Counts:
        """Return the number of records in each state."""
        return self._counts

    def save(self, name: str, value: bytes) -> None:
        """Store `value` under `name`."""
        self._saved[name] = value

    def load(self, name: str) -> bytes | None:
        """Return the value that was saved under `name`, or None."""
        return self._saved.get(name)

    def close(self) -> None:
        """Do nothing; the records stay available to the next user of the object."""


def same_or_conflict(known: Record, content: Mapping[str, object]) -> Record:
    """Return `known` if its content equals `content`.

    Raises:
        JournalConflictError: The contents differ.
    """
    if canonical(known.content) != canonical(content):
        raise JournalConflictError(f"record {known.id} is in the journal with different content")
    return known
