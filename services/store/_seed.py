"""Creates the tables and the initial population, once, in whichever tenant starts first."""

from importlib.resources import files

from services.population import Person, person

from ._memory import VALID_UNTIL
from ._pool import Connection

ADVISORY_LOCK = 20_240_620
"""The advisory lock that serialises the tenants; the number means nothing to PostgreSQL."""


async def is_seeded(connection: Connection) -> bool:
    """Return True if the tables exist and the population is registered."""
    if await connection.fetchval("SELECT to_regclass('seeds')") is None:
        return False
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM seeds)"))


async def seed(connection: Connection, population: int, timeout: float) -> None:  # noqa: ASYNC109 - of statements
    """Create the tables and register `population` people in one transaction.

    Args:
        connection: The connection to use.
        population: How many people to register.
        timeout: Time-out of each statement in wall-clock seconds.
    """
    async with connection.transaction():
        milliseconds = int(timeout * 1000)
        await connection.execute(f"SET LOCAL statement_timeout = {milliseconds}")
        await connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ADVISORY_LOCK)
        # `to_regclass` is not used here: a session that waited for the lock may not see the tables
        # that the session before it created. The schema's CREATE ... IF NOT EXISTS does see them.
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
        rows.append((one.kind, one.document, one.number, VALID_UNTIL, one.cancelled))
    return rows
