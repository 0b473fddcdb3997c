"""What shop and worker share: the stored orders, calls to the provider, time, and the log.

Standard library only. An order is committed before it is acknowledged.
"""

import http.client
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

PACE = float(os.environ.get("PACE", "1"))
SHORTEST_TIMEOUT = 0.25
"""In wall-clock seconds: a real answer takes this long at any pace."""


def wall_seconds(scenario_seconds: float, shortest: float = 0.0) -> float:
    """Return `scenario_seconds` in wall-clock seconds at the run's pace, at least `shortest`."""
    return max(scenario_seconds / PACE, shortest)


def log(event: str, **data: object) -> None:
    """Write an event to stdout as one JSON line."""
    sys.stdout.write(json.dumps({"event": event, **data}) + "\n")
    sys.stdout.flush()


def charge(order: str, amount: int) -> bool:
    """Ask the provider to charge `order`; return True if it confirmed."""
    host, _, port = os.environ["PAY"].rpartition(":")
    timeout = wall_seconds(20.0, SHORTEST_TIMEOUT)
    with closing(http.client.HTTPConnection(host, int(port), timeout=timeout)) as connection:
        try:
            connection.request("POST", "/charges", json.dumps({"id": order, "amount": amount}))
            answer = connection.getresponse()
            return answer.status in (200, 201) and json.load(answer)["status"] == "charged"
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return False


def is_reachable() -> bool:
    """Return True if the provider answers its health check."""
    host, _, port = os.environ["PAY"].rpartition(":")
    timeout = wall_seconds(20.0, SHORTEST_TIMEOUT)
    with closing(http.client.HTTPConnection(host, int(port), timeout=timeout)) as connection:
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


class Outbox:
    """The stored orders, each `charged`, or `queued` until the worker has charged it."""

    def __init__(self) -> None:
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY,"
                " id TEXT UNIQUE, amount INTEGER, state TEXT, tried INTEGER)"
            )

    def add(self, order: str, amount: int, state: str, *, tried: bool) -> None:
        """Store an order, unless its id is already stored.

        `tried`: the provider was asked to charge it, and may have done so without confirming.
        """
        with self._open() as db:
            db.execute(
                "INSERT OR IGNORE INTO orders (id, amount, state, tried) VALUES (?, ?, ?, ?)",
                (order, amount, state, tried),
            )

    def state(self, order: str) -> str | None:
        """Return the state of an order; None if it is not stored."""
        with self._open() as db:
            row = db.execute("SELECT state FROM orders WHERE id = ?", (order,)).fetchone()
        return None if row is None else str(row[0])

    def oldest(self) -> tuple[str, int] | None:
        """Return the oldest queued order with its amount; None if none is queued."""
        with self._open() as db:
            row = db.execute(
                "SELECT id, amount FROM orders WHERE state = 'queued' ORDER BY number LIMIT 1"
            ).fetchone()
        return None if row is None else (str(row[0]), int(row[1]))

    def set_charged(self, order: str) -> None:
        """Mark a queued order as charged."""
        with self._open() as db:
            db.execute("UPDATE orders SET state = 'charged' WHERE id = ?", (order,))

    def pending(self) -> int:
        """Return the number of queued orders."""
        with self._open() as db:
            return int(
                db.execute("SELECT count(*) FROM orders WHERE state = 'queued'").fetchone()[0]
            )

    def page(self, after: int, size: int) -> list[dict[str, object]]:
        """Return up to `size` orders that were stored after number `after`."""
        with self._open() as db:
            rows = db.execute(
                "SELECT number, id, amount, state, tried FROM orders WHERE number > ?"
                " ORDER BY number LIMIT ?",
                (after, size),
            ).fetchall()
        names = ("number", "id", "amount", "state", "tried")
        return [dict(zip(names, row, strict=True)) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(os.environ["OUTBOX"], timeout=10)) as db, db:
            yield db
