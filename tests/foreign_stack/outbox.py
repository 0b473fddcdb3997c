"""What shop and worker share: the orders on disk, the way to the provider, time, the log.

Standard library only. An order is committed before anybody is told about it.
"""

import http.client
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

PACE = float(os.environ.get("PACE", "1"))
SHORTEST = 0.25
"""Real seconds; no answer can be expected sooner, however fast the story is told."""


def real(life: float, shortest: float = 0.0) -> float:
    """Real seconds in `life` seconds of life."""
    return max(life / PACE, shortest)


def say(event: str, **data: object) -> None:
    """Log an event."""
    sys.stdout.write(json.dumps({"event": event, **data}) + "\n")
    sys.stdout.flush()


def charge(order: str, amount: int) -> bool:
    """Have `order` charged; False if the provider did not confirm it, whatever the reason."""
    host, _, port = os.environ["PAY"].rpartition(":")
    timeout = real(20.0, SHORTEST)
    with closing(http.client.HTTPConnection(host, int(port), timeout=timeout)) as connection:
        try:
            connection.request("POST", "/charges", json.dumps({"id": order, "amount": amount}))
            answer = connection.getresponse()
            return answer.status in (200, 201) and json.load(answer)["status"] == "charged"
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return False


def reachable() -> bool:
    """Whether the provider answers."""
    host, _, port = os.environ["PAY"].rpartition(":")
    timeout = real(20.0, SHORTEST)
    with closing(http.client.HTTPConnection(host, int(port), timeout=timeout)) as connection:
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


class Outbox:
    """The orders: `charged`, or `queued` until the worker has charged them."""

    def __init__(self) -> None:
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY,"
                " id TEXT UNIQUE, amount INTEGER, state TEXT, tried INTEGER)"
            )

    def keep(self, order: str, amount: int, state: str, *, tried: bool) -> None:
        """Keep an order; one that is known stays as it is.

        `tried`: the provider was asked, and may have charged it although it did not say so.
        """
        with self._open() as db:
            db.execute(
                "INSERT OR IGNORE INTO orders (id, amount, state, tried) VALUES (?, ?, ?, ?)",
                (order, amount, state, tried),
            )

    def state(self, order: str) -> str | None:
        """The state of an order; None if it is not known."""
        with self._open() as db:
            row = db.execute("SELECT state FROM orders WHERE id = ?", (order,)).fetchone()
        return None if row is None else str(row[0])

    def oldest(self) -> tuple[str, int] | None:
        """The order that has been queued the longest, with its amount."""
        with self._open() as db:
            row = db.execute(
                "SELECT id, amount FROM orders WHERE state = 'queued' ORDER BY number LIMIT 1"
            ).fetchone()
        return None if row is None else (str(row[0]), int(row[1]))

    def charged(self, order: str) -> None:
        """The provider has confirmed a queued order."""
        with self._open() as db:
            db.execute("UPDATE orders SET state = 'charged' WHERE id = ?", (order,))

    def pending(self) -> int:
        """How many orders are queued."""
        with self._open() as db:
            return int(
                db.execute("SELECT count(*) FROM orders WHERE state = 'queued'").fetchone()[0]
            )

    def page(self, after: int, size: int) -> list[dict[str, object]]:
        """Up to `size` orders that were kept after number `after`."""
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
