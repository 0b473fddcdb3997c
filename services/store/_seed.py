"""Tables and the first population, made once, by whichever tenant comes first."""

from importlib.resources import files

from services.population import Person, person

from ._memory import UNTIL
from ._pool import Connection

LOCK = 20_240_620
"""The advisory lock that the tenants queue up for; the number means nothing to PostgreSQL."""


async def is_seeded(connection: Connection) -> bool:
    """Whether somebody has done it already."""
    if await connection.fetchval("SELECT to_regclass('seeds')") is None:
        return False
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM seeds)"))


async def seed(connection: Connection, population: int, limit: float) -> None:
    """Make the tables and register `population` people, all or nothing, within `limit` seconds."""
    async with connection.transaction():
        milliseconds = int(limit * 1000)
        await connection.execute(f"SET LOCAL statement_timeout = {milliseconds}")
        await connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        # Not `to_regclass` again: while waiting for the lock, this session would not have heard of
        # the tables that the one before it made. To create one is to look.
        await connection.execute(files("services.store").joinpath("schema.sql").read_text())
        if await connection.fetchval("SELECT EXISTS (SELECT FROM seeds)"):
            return
        people = [person(i) for i in range(population)]
        await connection.copy_records_to_table(
            "people", records=[_person_row(one) for one in people]
        )
        await connection.copy_records_to_table(
            "credentials", records=[row for one in people for row in _credential_rows(one)]
        )
        await connection.copy_records_to_table(
            "watchlist",
            columns=["document", "reason"],
            records=[(one.document, "seed") for one in people if one.listed],
        )
        await connection.execute("INSERT INTO seeds VALUES ($1)", population)


def _person_row(one: Person) -> tuple[object, ...]:
    needs = None if one.kind == "citizen" else one.kind
    return (one.document, one.surname, one.given, one.nationality, one.birth, one.sex, needs)


def _credential_rows(one: Person) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [("passport", one.document, one.document, one.expiry, False)]
    if one.number is not None:
        rows.append((one.kind, one.document, one.number, UNTIL, one.cancelled))
    return rows
