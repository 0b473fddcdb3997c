"""The journal on disk: one SQLite file, every append synced before it returns."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ._journal import (
    Counts,
    JournalError,
    JournalFullError,
    Record,
    Settled,
    State,
    canonical,
    same_or_conflict,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    content BLOB NOT NULL,
    "group" TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'written',
    reason TEXT
);
CREATE INDEX IF NOT EXISTS record_state ON record (state, number);
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""
_COLUMNS = 'number, id, content, "group", state, reason'
_SETTLE = f"""
UPDATE record SET state = ?, reason = ? WHERE id = ? AND state = 'written' RETURNING {_COLUMNS}
"""  # noqa: S608 - constants


class SqliteJournal:
    """A journal in the file `path`; it survives a kill -9 of its process and a power failure.

    Raises:
        JournalError: The file cannot be opened, or is not a journal.
    """

    def __init__(self, path: Path) -> None:
        with _translated_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Autocommit: a statement is on disk when it returns. FULL also syncs the write-ahead
            # log at each commit; NORMAL would lose the last records with the machine's power.
            self._db = sqlite3.connect(path, isolation_level=None)
            try:
                self._counts = self._open()
            except BaseException:
                self._db.close()
                raise
        self._path = path

    def _open(self) -> Counts:
        """Prepare the file and count its records once; gauges and modes read the counts often."""
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        counted = self._db.execute("SELECT state, count(*) FROM record GROUP BY state")
        return Counts(**dict(counted.fetchall()))

    def append(self, id: str, content: Mapping[str, object], group: str = "") -> Record:  # noqa: A002 - as in the protocol
        """Store a record; it is synced to disk on return."""
        known = self.find(id)
        if known is not None:
            return same_or_conflict(known, content)
        body = canonical(content)
        with _translated_errors(self._path):
            cursor = self._db.execute(
                'INSERT INTO record (id, content, "group") VALUES (?, ?, ?)', (id, body, group)
            )
        self._counts = self._counts.moved(None, "written")
        assert cursor.lastrowid is not None
        return Record(cursor.lastrowid, id, msgspec.json.decode(body), group)

    def settle(self, settled: Iterable[Settled]) -> list[Record]:
        """Mark written records as settled in one transaction."""
        changed = []
        counts = self._counts
        with _translated_errors(self._path):
            # One transaction for the batch: syncing each record would block the service's clients.
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for mark in settled:
                    rows = self._db.execute(_SETTLE, (mark.state, mark.reason, mark.id)).fetchall()
                    for row in rows:
                        changed.append(_record(row))
                        counts = counts.moved("written", mark.state)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may have rolled it back already
                    self._db.execute("ROLLBACK")
                raise
        self._counts = counts
        return changed

    def find(self, id: str) -> Record | None:  # noqa: A002 - as in the protocol
        """Return the record with this id, or None."""
        found = self._select("WHERE id = ?", id)
        return found[0] if found else None

    def pending(self, limit: int, group: str | None = None) -> list[Record]:
        """Return the oldest `written` records."""
        if group is None:
            return self._select("WHERE state = 'written' ORDER BY number LIMIT ?", limit)
        return self._select(
            "WHERE state = 'written' AND \"group\" = ? ORDER BY number LIMIT ?", group, limit
        )

    def page(self, after: int, limit: int, state: State | None = None) -> list[Record]:
        """Return records with a number above `after`, oldest first."""
        if state is None:
            return self._select("WHERE number > ? ORDER BY number LIMIT ?", after, limit)
        return self._select(
            "WHERE number > ? AND state = ? ORDER BY number LIMIT ?", after, state, limit
        )

    def counts(self) -> Counts:
        """Return the number of records in each state."""
        return self._counts

    def save(self, name: str, value: bytes) -> None:
        """Store `value` under `name`; it is synced to disk on return."""
        with _translated_errors(self._path):
            self._db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, value))

    def load(self, name: str) -> bytes | None:
        """Return the value that was saved under `name`, or None."""
        with _translated_errors(self._path):
            row = self._db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _select(self, where: str, *values: object) -> list[Record]:
        with _translated_errors(self._path):
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM record {where}", values)  # noqa: S608 - constants
            return [_record(row) for row in rows]


def _record(row: tuple[int, str, bytes, str, State, str | None]) -> Record:
    number, name, content, group, state, reason = row
    return Record(number, name, msgspec.json.decode(content), group, state, reason)


@contextmanager
def _translated_errors(path: Path) -> Iterator[None]:
    """Raise `JournalError` for errors of SQLite and the file system."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise JournalFullError(f"no space left on the disk of the journal {path}") from error
        raise JournalError(f"the journal {path} cannot be used: {error}") from error
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be used: {error}") from error
