"""The registry in PostgreSQL.

Every write is one statement that commits by itself. So it is never half done, and it takes no more
round trips than necessary on a slow link.
"""

from collections.abc import Sequence
from functools import partial

import asyncpg

from services.population import Service

from ._pool import Connection, Pool
from ._registry import (
    Admission,
    Application,
    Credential,
    Crossing,
    DocumentHolder,
    Entry,
    LedgerLine,
    Outcome,
    Recorded,
    Registry,
    StorageOutcomeUnknownError,
    StorageUnavailableError,
    Watchlist,
)
from ._seed import is_seeded, seed

SEED_TIMEOUT_FACTOR = 10
"""Creating and filling the tables may take this many times the time-out of a statement."""

FIND_HOLDER = """
SELECT p.needs, c.service, c.number, c.until, c.cancelled
FROM people p JOIN credentials c USING (document)
WHERE document = $1 AND c.service IN ('passport', p.needs)
"""

# A crossing that another connection inserts at the same time is missing from the result: the row is
# not inserted here, and it is not visible yet in this statement's snapshot. The statement is then
# repeated for the missing crossings.
RECORD = """
WITH submitted AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::float8[], $9::text[], $10::bigint[]) WITH ORDINALITY
        AS one (id, document, nationality, airport, flight, direction,
            channel, recorded_at, officer, snapshot_version, place)
), inserted AS (
    INSERT INTO crossings (id, document, nationality, airport, flight, direction,
        channel, recorded_at, officer, snapshot_version, late_hit)
    SELECT id, document, nationality, airport, flight, direction,
        channel, recorded_at, officer, snapshot_version,
        EXISTS (SELECT FROM watchlist WHERE watchlist.document = submitted.document)
    FROM submitted
    WHERE NOT EXISTS (SELECT FROM crossings WHERE crossings.id = submitted.id)
    ORDER BY place
    ON CONFLICT (id) DO NOTHING
    RETURNING *
)
SELECT true AS is_new, * FROM inserted
UNION ALL
SELECT false, * FROM crossings WHERE id = ANY ($1)
"""

APPLY = """
WITH inserted AS (
    INSERT INTO applications (service, id, document, same_day)
    SELECT $1, $2, $3, $4
    WHERE NOT EXISTS (SELECT FROM applications WHERE service = $1 AND id = $2)
    ON CONFLICT (service, id) DO NOTHING
    RETURNING *
)
SELECT true AS is_new, * FROM inserted
UNION ALL
SELECT false, * FROM applications WHERE service = $1 AND id = $2
"""

ADD_TO_WATCHLIST = """
WITH inserted AS (
    INSERT INTO watchlist (document, reason)
    SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM watchlist WHERE document = $1)
    ON CONFLICT (document) DO NOTHING
    RETURNING *
)
SELECT * FROM inserted
UNION ALL
SELECT * FROM watchlist WHERE document = $1
"""

SET_ADMISSION = """
INSERT INTO admissions VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant) DO UPDATE SET share = $2, reason = $3, at = $4
"""


async def open_postgres(dsn: str, timeout: float) -> Registry:  # noqa: ASYNC109 - a property of the link, not of this call
    """Return the registry at `dsn`; it connects when needed, so the server need not be up yet.

    Args:
        dsn: The data source name of the database.
        timeout: Time-out of each call in wall-clock seconds.
    """
    return PostgresRegistry(Pool(dsn, timeout), timeout)


class PostgresRegistry:
    """A registry in PostgreSQL. `timeout` is the pool's, in wall-clock seconds."""

    def __init__(self, pool: Pool, timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout

    async def prepare(self, population: int) -> None:
        """Create the tables and register the first `population` people, unless that was done."""
        try:
            if not await self._pool.run(is_seeded):
                timeout = self._timeout * SEED_TIMEOUT_FACTOR
                work = partial(seed, population=population, timeout=timeout)
                await self._pool.run(work, write=True, timeout_factor=SEED_TIMEOUT_FACTOR)
        except StorageOutcomeUnknownError as error:
            # Seeding is one transaction, and the next attempt checks whether it was committed, so
            # an unknown outcome does no harm.
            raise StorageUnavailableError(str(error)) from error

    async def ping(self) -> None:
        """Make one round trip to the server."""
        await self._fetch("SELECT 1")

    async def close(self) -> None:
        """Abort all connections immediately."""
        self._pool.close()

    async def is_listed(self, document: str) -> bool:
        """Return True if a document is on the watchlist."""
        return bool(await self._fetch("SELECT 1 FROM watchlist WHERE document = $1", document))

    async def watchlist(self) -> Watchlist:
        """Return the whole watchlist."""
        rows = await self._fetch("SELECT number, document FROM watchlist")
        version = max((row["number"] for row in rows), default=0)
        return Watchlist(version, sorted(row["document"] for row in rows))

    async def add_to_watchlist(self, document: str, reason: str) -> Entry:
        """Add a document to the watchlist; return the existing entry if there is one."""
        row = await self._write(ADD_TO_WATCHLIST, document, reason)
        return Entry(row["number"], row["document"], row["reason"])

    async def entries(self, after: int, limit: int) -> Sequence[Entry]:
        """Return watchlist entries with a number above `after`, in order."""
        query = "SELECT * FROM watchlist WHERE number > $1 ORDER BY number LIMIT $2"
        rows = await self._fetch(query, after, limit)
        return [Entry(row["number"], row["document"], row["reason"]) for row in rows]

    async def find_holder(self, document: str) -> DocumentHolder | None:
        """Return the holder of a document; None if no such document was issued."""
        rows = {row["service"]: row for row in await self._fetch(FIND_HOLDER, document)}
        if "passport" not in rows:
            return None
        needs = rows["passport"]["needs"]
        permission = _credential(rows[needs]) if needs in rows else None
        return DocumentHolder(_credential(rows["passport"]), needs, permission)

    async def record(self, crossings: Sequence[Crossing]) -> Sequence[Recorded]:
        """Record crossings in the ledger in this order, each exactly once, all or none of them."""

        async def write(connection: Connection) -> dict[str, asyncpg.Record]:
            rows: dict[str, asyncpg.Record] = {}
            while missing := [one for one in crossings if one.id not in rows]:
                names = Crossing.__struct_fields__
                columns = [[getattr(one, name) for one in missing] for name in names]
                rows |= {row["id"]: row for row in await connection.fetch(RECORD, *columns)}
            return rows

        rows = await self._pool.run(write, write=True)
        seen: set[str] = set()
        results = []
        for one in crossings:
            is_new = rows[one.id]["is_new"] and one.id not in seen
            results.append(_recorded(rows[one.id], one, is_new=is_new))
            seen.add(one.id)
        return results

    async def find_crossing(self, crossing: Crossing) -> Recorded | None:
        """Return what `record` would return if the ledger has this crossing's id, else None."""
        rows = await self._fetch("SELECT * FROM crossings WHERE id = $1", crossing.id)
        return _recorded(rows[0], crossing, is_new=False) if rows else None

    async def crossings(self, after: int, limit: int) -> Sequence[LedgerLine]:
        """Return ledger lines with a receipt above `after`, in order."""
        query = "SELECT * FROM crossings WHERE receipt > $1 ORDER BY receipt LIMIT $2"
        names = LedgerLine.__struct_fields__
        rows = await self._fetch(query, after, limit)
        return [LedgerLine(*(row[name] for name in names)) for row in rows]

    async def apply(self, service: Service, application: Application) -> Outcome:
        """Register an application with a service, exactly once."""
        row = await self._write(
            APPLY, service, application.id, application.document, application.same_day
        )
        if row["is_new"]:
            return "recorded"
        return "duplicate" if _application(row) == application else "conflict"

    async def applications(
        self, service: Service, after: int, limit: int
    ) -> Sequence[tuple[int, Application]]:
        """Return a service's applications with a number above `after`, with their numbers."""
        query = """SELECT * FROM applications WHERE service = $1 AND number > $2
            ORDER BY number LIMIT $3"""
        rows = await self._fetch(query, service, after, limit)
        return [(row["number"], _application(row)) for row in rows]

    async def credential(self, service: Service, document: str) -> Credential | None:
        """Return what a service issued to the holder of a document, or None."""
        query = "SELECT * FROM credentials WHERE service = $1 AND document = $2"
        rows = await self._fetch(query, service, document)
        return _credential(rows[0]) if rows else None

    async def admission(self, tenant: str) -> Admission | None:
        """Return the admission that a tenant last stored, or None."""
        rows = await self._fetch("SELECT * FROM admissions WHERE tenant = $1", tenant)
        return Admission(rows[0]["share"], rows[0]["reason"], rows[0]["at"]) if rows else None

    async def set_admission(self, tenant: str, admission: Admission) -> None:
        """Store a tenant's admission, so that it is found after a restart."""
        arguments = (tenant, admission.share, admission.reason, admission.at)

        async def write(connection: Connection) -> None:
            await connection.execute(SET_ADMISSION, *arguments)

        await self._pool.run(write, write=True)

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        async def fetch(connection: Connection) -> list[asyncpg.Record]:
            return list(await connection.fetch(query, *arguments))

        return await self._pool.run(fetch)

    async def _write(self, query: str, *arguments: object) -> asyncpg.Record:
        """Run a write and return its one row: the new row, or the one that existed before.

        No row means that another connection is inserting it at this moment: the write is repeated.
        """

        async def write(connection: Connection) -> asyncpg.Record:
            while (row := await connection.fetchrow(query, *arguments)) is None:
                pass
            return row

        return await self._pool.run(write, write=True)


def _credential(row: asyncpg.Record) -> Credential:
    return Credential(row["number"], row["until"], row["cancelled"])


def _application(row: asyncpg.Record) -> Application:
    return Application(row["id"], row["document"], row["same_day"])


def _recorded(row: asyncpg.Record, crossing: Crossing, *, is_new: bool) -> Recorded:
    known = Crossing(*(row[name] for name in Crossing.__struct_fields__))
    outcome: Outcome = "duplicate" if known.is_same_event(crossing) else "conflict"
    return Recorded("recorded" if is_new else outcome, row["receipt"], row["late_hit"])
