"""The registry in PostgreSQL.

Every write is one statement, committed by itself: there is no moment at which half of it is done,
and no round trip more than needed while the link is slow.
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
    Entry,
    LedgerLine,
    Outcome,
    Recorded,
    Registry,
    StorageOutcomeUnknownError,
    StorageUnavailableError,
    Traveller,
    Watchlist,
)
from ._seed import is_seeded, seed

SEEDING = 10
"""How many times as long as a statement the making of the tables may take."""

TRAVELLER = """
SELECT p.needs, c.service, c.number, c.until, c.cancelled
FROM people p JOIN credentials c USING (document)
WHERE document = $1 AND c.service IN ('passport', p.needs)
"""

# A crossing that another connection enters at this very moment is missing from the answer: its line
# is neither ours nor old enough to be seen. Then the statement is repeated for what is missing.
RECORD = """
WITH brought AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::float8[], $9::text[], $10::bigint[]) WITH ORDINALITY
        AS one (id, document, nationality, airport, flight, direction,
            channel, recorded_at, officer, snapshot_version, place)
), fresh AS (
    INSERT INTO crossings (id, document, nationality, airport, flight, direction,
        channel, recorded_at, officer, snapshot_version, late_hit)
    SELECT id, document, nationality, airport, flight, direction,
        channel, recorded_at, officer, snapshot_version,
        EXISTS (SELECT FROM watchlist WHERE watchlist.document = brought.document)
    FROM brought
    WHERE NOT EXISTS (SELECT FROM crossings WHERE crossings.id = brought.id)
    ORDER BY place
    ON CONFLICT (id) DO NOTHING
    RETURNING *
)
SELECT true AS fresh, * FROM fresh
UNION ALL
SELECT false, * FROM crossings WHERE id = ANY ($1)
"""

APPLY = """
WITH fresh AS (
    INSERT INTO applications (service, id, document, same_day)
    SELECT $1, $2, $3, $4
    WHERE NOT EXISTS (SELECT FROM applications WHERE service = $1 AND id = $2)
    ON CONFLICT (service, id) DO NOTHING
    RETURNING *
)
SELECT true AS fresh, * FROM fresh
UNION ALL
SELECT false, * FROM applications WHERE service = $1 AND id = $2
"""

LIST = """
WITH fresh AS (
    INSERT INTO watchlist (document, reason)
    SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM watchlist WHERE document = $1)
    ON CONFLICT (document) DO NOTHING
    RETURNING *
)
SELECT * FROM fresh
UNION ALL
SELECT * FROM watchlist WHERE document = $1
"""

KEEP_ADMISSION = """
INSERT INTO admissions VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant) DO UPDATE SET share = $2, reason = $3, at = $4
"""


async def open_postgres(dsn: str, timeout: float) -> Registry:  # noqa: ASYNC109 - a property of the link, not of this call
    """The registry behind `dsn`. It need not be there yet: connections are made when needed."""
    return PostgresRegistry(Pool(dsn, timeout), timeout)


class PostgresRegistry:
    """A registry behind a pool."""

    def __init__(self, pool: Pool, limit: float) -> None:
        self._pool = pool
        self._limit = limit

    async def prepare(self, population: int) -> None:
        """Make the tables and register the first `population` people, unless that was done."""
        try:
            if not await self._pool.run(is_seeded):
                work = partial(seed, population=population, limit=self._limit * SEEDING)
                await self._pool.run(work, write=True, times=SEEDING)
        except StorageOutcomeUnknownError as error:
            # All or nothing, and asked again at the next attempt: not knowing does no harm.
            raise StorageUnavailableError(str(error)) from error

    async def ping(self) -> None:
        """Do a round trip."""
        await self._fetch("SELECT 1")

    async def close(self) -> None:
        """Let go of every connection, at once."""
        self._pool.close()

    async def listed(self, document: str) -> bool:
        """Whether a document is on the watchlist."""
        return bool(await self._fetch("SELECT 1 FROM watchlist WHERE document = $1", document))

    async def watchlist(self) -> Watchlist:
        """The whole watchlist."""
        rows = await self._fetch("SELECT number, document FROM watchlist")
        version = max((row["number"] for row in rows), default=0)
        return Watchlist(version, sorted(row["document"] for row in rows))

    async def list_document(self, document: str, reason: str) -> Entry:
        """Put a document on the watchlist, once; the entry that then stands there."""
        row = await self._write(LIST, document, reason)
        return Entry(row["number"], row["document"], row["reason"])

    async def entries(self, after: int, limit: int) -> Sequence[Entry]:
        """Entries of the watchlist by number."""
        query = "SELECT * FROM watchlist WHERE number > $1 ORDER BY number LIMIT $2"
        rows = await self._fetch(query, after, limit)
        return [Entry(row["number"], row["document"], row["reason"]) for row in rows]

    async def traveller(self, document: str) -> Traveller | None:
        """The holder of a document; None if no such document was issued."""
        rows = {row["service"]: row for row in await self._fetch(TRAVELLER, document)}
        if "passport" not in rows:
            return None
        needs = rows["passport"]["needs"]
        permission = _credential(rows[needs]) if needs in rows else None
        return Traveller(_credential(rows["passport"]), needs, permission)

    async def record(self, crossings: Sequence[Crossing]) -> Sequence[Recorded]:
        """Submit crossings into the ledger, each once, all of them or none."""

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
            fresh = rows[one.id]["fresh"] and one.id not in seen
            results.append(_recorded(rows[one.id], one, fresh=fresh))
            seen.add(one.id)
        return results

    async def recorded(self, crossing: Crossing) -> Recorded | None:
        """What `record` would answer, if it were for a crossing that is in the ledger already."""
        rows = await self._fetch("SELECT * FROM crossings WHERE id = $1", crossing.id)
        return _recorded(rows[0], crossing, fresh=False) if rows else None

    async def crossings(self, after: int, limit: int) -> Sequence[LedgerLine]:
        """Lines of the ledger by receipt."""
        query = "SELECT * FROM crossings WHERE receipt > $1 ORDER BY receipt LIMIT $2"
        names = LedgerLine.__struct_fields__
        rows = await self._fetch(query, after, limit)
        return [LedgerLine(*(row[name] for name in names)) for row in rows]

    async def apply(self, service: Service, application: Application) -> Outcome:
        """Register an application, once."""
        row = await self._write(
            APPLY, service, application.id, application.document, application.same_day
        )
        if row["fresh"]:
            return "recorded"
        return "duplicate" if _application(row) == application else "conflict"

    async def applications(
        self, service: Service, after: int, limit: int
    ) -> Sequence[tuple[int, Application]]:
        """Applications by their number in the registry."""
        query = """SELECT * FROM applications WHERE service = $1 AND number > $2
            ORDER BY number LIMIT $3"""
        rows = await self._fetch(query, service, after, limit)
        return [(row["number"], _application(row)) for row in rows]

    async def credential(self, service: Service, document: str) -> Credential | None:
        """What a service issued to the holder of a document."""
        query = "SELECT * FROM credentials WHERE service = $1 AND document = $2"
        rows = await self._fetch(query, service, document)
        return _credential(rows[0]) if rows else None

    async def admission(self, tenant: str) -> Admission | None:
        """What a tenant last wrote about its admission."""
        rows = await self._fetch("SELECT * FROM admissions WHERE tenant = $1", tenant)
        return Admission(rows[0]["share"], rows[0]["reason"], rows[0]["at"]) if rows else None

    async def set_admission(self, tenant: str, admission: Admission) -> None:
        """Keep a tenant's admission for its next life."""
        arguments = (tenant, admission.share, admission.reason, admission.at)

        async def keep(connection: Connection) -> None:
            await connection.execute(KEEP_ADMISSION, *arguments)

        await self._pool.run(keep, write=True)

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        async def fetch(connection: Connection) -> list[asyncpg.Record]:
            return list(await connection.fetch(query, *arguments))

        return await self._pool.run(fetch)

    async def _write(self, query: str, *arguments: object) -> asyncpg.Record:
        """The one row that tells what a write came to; `fresh` if it is this write's own."""

        async def write(connection: Connection) -> asyncpg.Record:
            while (row := await connection.fetchrow(query, *arguments)) is None:
                pass
            return row

        return await self._pool.run(write, write=True)


def _credential(row: asyncpg.Record) -> Credential:
    return Credential(row["number"], row["until"], row["cancelled"])


def _application(row: asyncpg.Record) -> Application:
    return Application(row["id"], row["document"], row["same_day"])


def _recorded(row: asyncpg.Record, crossing: Crossing, *, fresh: bool) -> Recorded:
    known = Crossing(*(row[name] for name in Crossing.__struct_fields__))
    outcome: Outcome = "duplicate" if known.same(crossing) else "conflict"
    return Recorded("recorded" if fresh else outcome, row["receipt"], row["late_hit"])
