"""Faults of the link to PostgreSQL, and the recovery of the registry after each of them.

Time-outs are wall-clock time here. They are short where a test waits for one, and long everywhere
else, so that a busy machine does not turn an answer into a loss.
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
def short_timeout(registry: Registry) -> Iterator[None]:
    pool = registry._pool  # type: ignore[attr-defined]
    pool._timeout = SHORT
    yield
    pool._timeout = LONG


@pytest.fixture
def linked(postgres: Postgres, dsn: str) -> Linked:
    """Return a function that opens a prepared registry behind a relay."""
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
    """Check recovery; there is no failure if asyncpg has noticed the loss before the next call."""
    with contextlib.suppress(StorageError):
        await registry.ping()
    for _ in range(6):
        await record(registry, crossing())


def test_a_cut_link_is_unavailable_at_once_and_works_again_after_healing(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.cut()
            for _ in range(3):
                with pytest.raises(StorageUnavailableError):
                    await registry.ping()
            link.up()
            await registry.ping()

    run(test())


def test_one_lost_connection_drops_all_idle_connections(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            # Six connections are idle afterwards.
            await asyncio.gather(*(registry.ping() for _ in range(6)))
            link.reset()
            await works_after_at_most_one_failure(registry)

    run(test())


def test_a_read_during_a_blackhole_is_unavailable(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.blackhole()
            with short_timeout(registry), pytest.raises(StorageUnavailableError):
                await registry.find_holder("X0000001")

    run(test())


def test_a_write_during_a_blackhole_is_unknown_and_unavailable_once_it_cannot_connect(
    linked: Linked,
) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.blackhole()
            with short_timeout(registry), pytest.raises(StorageOutcomeUnknownError):
                await record(registry, crossing())
            with short_timeout(registry), pytest.raises(StorageUnavailableError):
                await record(registry, crossing())

    run(test())


def test_more_callers_than_connections_do_not_block_the_pool_after_a_blackhole(
    linked: Linked,
) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            link.blackhole()
            calls = [record(registry, crossing(f"c-{i}")) for i in range(30)]
            with short_timeout(registry):
                results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(one, StorageError) for one in results)
            link.up()
            link.reset()
            recorded = [await record(registry, crossing(f"c-{i}")) for i in range(30)]
            assert len({one.receipt for one in recorded}) == 30

    run(test())


def test_a_write_whose_answer_was_lost_is_executed_once(linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, link):
            # asyncpg first fetches the types of a statement; the second time they are cached.
            await record(registry, crossing("before"))
            link.lose_replies()
            with short_timeout(registry), pytest.raises(StorageOutcomeUnknownError):
                await record(registry, crossing())
            link.up()
            link.reset()
            again = await record(registry, crossing())
            assert again.outcome == "duplicate"
            assert [one.id for one in await registry.crossings(0, 10)] == ["before", "c-1"]

    run(test())


def test_a_cancelled_call_releases_its_slot(linked: Linked) -> None:
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


def test_a_statement_that_waits_too_long_for_a_lock_times_out(linked: Linked, dsn: str) -> None:
    async def test() -> None:
        import asyncpg

        async with linked() as (registry, _link):
            holder = await asyncpg.connect(dsn, ssl=False)
            await holder.execute("BEGIN; LOCK TABLE crossings")
            with short_timeout(registry), pytest.raises(StorageError):
                await record(registry, crossing())
            await holder.execute("ROLLBACK")
            await holder.close()
            assert (await record(registry, crossing())).receipt

    run(test())


def test_the_pool_reconnects_after_a_database_restart(postgres: Postgres, linked: Linked) -> None:
    async def test() -> None:
        async with linked() as (registry, _link):
            await asyncio.to_thread(postgres.control, "-m", "fast", "restart")
            await works_after_at_most_one_failure(registry)

    run(test())


def test_a_registry_can_be_opened_before_its_database_is_reachable(
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


def test_a_database_that_does_not_exist_is_unavailable(postgres: Postgres) -> None:
    async def test() -> None:
        registry = await open_postgres(postgres.dsn("nowhere"), LONG)
        with pytest.raises(StorageUnavailableError, match="nowhere"):
            await registry.ping()
        await registry.close()

    run(test())


def test_close_does_not_wait_during_a_blackhole(linked: Linked) -> None:
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
