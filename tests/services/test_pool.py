"""What the link to PostgreSQL can do to the registry, and how it comes back each time.

The time-out is real here, so it is short where a test waits for it, and long everywhere else: a
busy machine must not turn an answer into a loss.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from services.kit.testing import run
from services.store import (
    Registry,
    StorageError,
    StorageOutcomeUnknownError,
    StorageUnavailableError,
    open_postgres,
)

from .conftest import Postgres
from .relay import Relay, relay
from .test_registry import crossing, record

LONG = 30.0
SHORT = 0.2
Linked = Callable[[], AbstractAsyncContextManager[tuple[Registry, Relay]]]


@contextlib.contextmanager
def impatient(registry: Registry) -> Iterator[None]:
    pool = registry._pool  # type: ignore[attr-defined]
    pool._timeout = SHORT
    yield
    pool._timeout = LONG


@pytest.fixture
def linked(postgres: Postgres, dsn: str) -> Linked:
    """Opens a prepared registry behind a relay."""
    database = dsn.rsplit("/", 1)[1]

    @asynccontextmanager
    async def open_both() -> AsyncIterator[tuple[Registry, Relay]]:
        direct = await open_postgres(dsn, LONG)
        await direct.prepare(20)
        await direct.close()
        async with relay(postgres.port) as link:
            registry = await open_postgres(postgres.dsn(database, port=link.port), LONG)
            try:
                await registry.ping()
                yield registry, link
            finally:
                await registry.close()

    return open_both


async def works_after_at_most_one_failure(registry: Registry) -> None:
    """None, if asyncpg has heard of the loss before the next call."""
    with contextlib.suppress(StorageError):
        await registry.ping()
    for _ in range(6):
        await record(registry, crossing())


def test_a_cut_link_is_away_at_once_and_works_again_after(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.cut()
            for _ in range(3):
                with pytest.raises(StorageUnavailableError):
                    await registry.ping()
            link.up()
            await registry.ping()

    run(test())


def test_one_loss_is_enough_to_distrust_every_idle_connection(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            # Six connections stand idle.
            await asyncio.gather(*(registry.ping() for _ in range(6)))
            link.reset()
            await works_after_at_most_one_failure(registry)

    run(test())


def test_a_read_into_a_black_hole_is_away(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.blackhole()
            with impatient(registry), pytest.raises(StorageUnavailableError):
                await registry.find_holder("X0000001")

    run(test())


def test_a_write_into_a_black_hole_is_unsure_until_it_cannot_even_connect(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.blackhole()
            with impatient(registry), pytest.raises(StorageOutcomeUnknownError):
                await record(registry, crossing())
            with impatient(registry), pytest.raises(StorageUnavailableError):
                await record(registry, crossing())

    run(test())


def test_more_callers_than_connections_leave_no_stuck_pool_behind_a_black_hole(
    linked: Linked,
) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.blackhole()
            calls = [record(registry, crossing(f"c-{i}")) for i in range(30)]
            with impatient(registry):
                results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(one, StorageError) for one in results)
            link.up()
            link.reset()
            recorded = [await record(registry, crossing(f"c-{i}")) for i in range(30)]
            assert len({one.receipt for one in recorded}) == 30

    run(test())


def test_a_write_whose_answer_was_lost_has_happened_once(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            # asyncpg asks for a statement's types first; the second time it knows them.
            await record(registry, crossing("before"))
            link.deafen()
            with impatient(registry), pytest.raises(StorageOutcomeUnknownError):
                await record(registry, crossing())
            link.up()
            link.reset()
            again = await record(registry, crossing())
            assert again.outcome == "duplicate"
            assert [one.id for one in await registry.crossings(0, 10)] == ["before", "c-1"]

    run(test())


def test_a_cancelled_call_gives_its_place_back(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.blackhole()
            calls = [asyncio.ensure_future(registry.ping()) for _ in range(12)]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            link.up()
            await asyncio.gather(*(registry.ping() for _ in range(12)))

    run(test())


def test_killed_connections_are_replaced(linked: Linked, dsn: str) -> None:
    async def test() -> None:
        import asyncpg

        async with linked() as (registry, _link):
            await asyncio.gather(*(registry.ping() for _ in range(6)))
            killer = await asyncpg.connect(dsn, ssl=False)
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await killer.close()
            await works_after_at_most_one_failure(registry)

    run(test())


def test_a_statement_that_waits_too_long_for_a_lock_is_given_up(linked: Linked, dsn: str) -> None:
    async def test() -> None:
        import asyncpg

        async with linked() as (registry, _link):
            holder = await asyncpg.connect(dsn, ssl=False)
            await holder.execute("BEGIN; LOCK TABLE crossings")
            with impatient(registry), pytest.raises(StorageError):
                await record(registry, crossing())
            await holder.execute("ROLLBACK")
            await holder.close()
            assert (await record(registry, crossing())).receipt

    run(test())


def test_a_database_that_restarts_is_found_again(postgres: Postgres, linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, _link):
            await asyncio.to_thread(postgres.control, "-m", "fast", "restart")
            await works_after_at_most_one_failure(registry)

    run(test())


def test_a_registry_that_is_not_there_opens_and_prepares_when_it_comes(
    postgres: Postgres, dsn: str
) -> None:
    async def test() -> None:
        async with relay(postgres.port) as link:
            link.cut()
            database = dsn.rsplit("/", 1)[1]
            registry = await open_postgres(postgres.dsn(database, port=link.port), LONG)
            with pytest.raises(StorageUnavailableError):
                await registry.prepare(20)
            link.up()
            await registry.prepare(20)
            await registry.close()

    run(test())


def test_a_database_that_does_not_exist_is_away(postgres: Postgres) -> None:
    async def test() -> None:
        registry = await open_postgres(postgres.dsn("nowhere"), LONG)
        with pytest.raises(StorageUnavailableError, match="nowhere"):
            await registry.ping()
        await registry.close()

    run(test())


def test_closing_does_not_wait_for_a_black_hole(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            await asyncio.gather(*(registry.ping() for _ in range(6)))
            link.blackhole()
            call = asyncio.ensure_future(registry.ping())
            await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await registry.close()
                with pytest.raises(StorageUnavailableError):
                    await call
            with pytest.raises(StorageUnavailableError):
                await registry.ping()

    run(test())
