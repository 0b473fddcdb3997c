"""What was decided while the data center was away: a journal that outlives its process.

A record is committed before the traveller or applicant is answered, so an answer that was given
can always be entered later. Records are entered oldest first and never deleted: a record is
`written` until the data center has it (`entered`) or a human has to look at it (`quarantined`,
with a reason). A record's id is the crossing's or application's id: to append it again is
harmless, to append it with other content is an error that is shown rather than guessed away.

Calls are short and synchronous on purpose. An officer who has not finished writing has not
answered, and a write that other tasks can overtake is one more thing that can be lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import msgspec

State = Literal["written", "entered", "quarantined"]


class JournalError(Exception):
    """The journal cannot keep a record now; who needs one must refuse, not go on without."""


class JournalFullError(JournalError):
    """There is no room left on the journal's disk."""


class JournalConflictError(Exception):
    """A record of this id is there already, and says something else."""


@dataclass(frozen=True)
class Record:
    """One entry of a journal. `number` grows from the oldest to the newest."""

    number: int
    id: str
    content: Mapping[str, object]
    group: str = ""
    """Which replayer enters it, where one journal serves several."""
    state: State = "written"
    reason: str | None = None


@dataclass(frozen=True)
class Settled:
    """What became of a record: entered, or set aside for a human with a reason."""

    id: str
    state: Literal["entered", "quarantined"] = "entered"
    reason: str | None = None


@dataclass(frozen=True)
class Counts:
    """How many records are in each state."""

    written: int = 0
    entered: int = 0
    quarantined: int = 0

    @property
    def total(self) -> int:
        """All records that were ever appended."""
        return self.written + self.entered + self.quarantined

    @property
    def share(self) -> float:
        """How much of the journal needs no replayer any more; 1 for an empty one."""
        return 1.0 if self.total == 0 else (self.entered + self.quarantined) / self.total

    def moved(self, old: State | None, new: State) -> "Counts":
        """The counts after one record went from `old` (None: it is new) to `new`."""
        counts = {"written": self.written, "entered": self.entered, "quarantined": self.quarantined}
        if old is not None:
            counts[old] -= 1
        counts[new] += 1
        return Counts(**counts)


class Journal(Protocol):
    """A durable list of records."""

    def append(self, id: str, content: Mapping[str, object], group: str = "") -> Record:  # noqa: A002 - it is what the field is called everywhere else
        """Keep a record for good; the one that is there if it says the same.

        Raises:
            JournalConflictError: a record of this id says something else.
            JournalError: it could not be kept (`JournalFullError`: the disk is full).
        """

    def settle(self, settled: Iterable[Settled]) -> list[Record]:
        """Mark written records, all of them or none; returns those that were changed.

        Ids that are unknown or settled already are passed over: settling twice is harmless.
        """

    def find(self, id: str) -> Record | None:  # noqa: A002 - as above
        """The record of this id."""

    def pending(self, limit: int, group: str | None = None) -> list[Record]:
        """The oldest records that are neither entered nor quarantined."""

    def page(self, after: int, limit: int, state: State | None = None) -> list[Record]:
        """Records with a number above `after`, oldest first."""

    def counts(self) -> Counts:
        """How many records there are."""

    def save(self, name: str, value: bytes) -> None:
        """Keep `value` beside the records for good, instead of what was kept under `name`."""

    def load(self, name: str) -> bytes | None:
        """What was kept under `name`."""

    def close(self) -> None:
        """Let go of the file."""


def canonical(content: Mapping[str, object]) -> bytes:
    """The bytes that tell whether two contents are the same."""
    return msgspec.json.encode(content, order="sorted")


class MemoryJournal:
    """A journal that lives as long as its object: for tests and the simulation."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._counts = Counts()
        self._notes: dict[str, bytes] = {}

    def append(self, id: str, content: Mapping[str, object], group: str = "") -> Record:  # noqa: A002 - as in the protocol
        """Keep a record."""
        known = self._records.get(id)
        if known is not None:
            return same_or_conflict(known, content)
        kept: dict[str, object] = msgspec.json.decode(canonical(content))
        record = Record(len(self._records) + 1, id, kept, group)
        self._records[id] = record
        self._counts = self._counts.moved(None, "written")
        return record

    def settle(self, settled: Iterable[Settled]) -> list[Record]:
        """Mark written records."""
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
        """The record of this id."""
        return self._records.get(id)

    def pending(self, limit: int, group: str | None = None) -> list[Record]:
        """The oldest records that wait."""
        return self._oldest(
            [
                record
                for record in self._records.values()
                if record.state == "written" and group in (None, record.group)
            ],
            limit,
        )

    def page(self, after: int, limit: int, state: State | None = None) -> list[Record]:
        """Records with a number above `after`."""
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
        """How many records there are."""
        return self._counts

    def save(self, name: str, value: bytes) -> None:
        """Keep `value` under `name`."""
        self._notes[name] = value

    def load(self, name: str) -> bytes | None:
        """What was kept under `name`."""
        return self._notes.get(name)

    def close(self) -> None:
        """Nothing to let go of: the object can be handed to the next 'process' of a test."""


def same_or_conflict(known: Record, content: Mapping[str, object]) -> Record:
    """`known` if it says what `content` says."""
    if canonical(known.content) != canonical(content):
        raise JournalConflictError(f"record {known.id} is in the journal with other content")
    return known
