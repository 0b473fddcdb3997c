"""The contract of both registries, in memory and in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import pytest

from services.kit.testing import run
from services.population import person
from services.store import (
    Admission,
    Application,
    Crossing,
    MemoryRegistry,
    Recorded,
    Registry,
    open_postgres,
)

PEOPLE = 200
Open = Callable[[], AbstractAsyncContextManager[Registry]]


@pytest.fixture(params=["memory", "postgres"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Return a function that opens a registry with a registered population."""
    dsn = request.getfixturevalue("dsn") if request.param == "postgres" else None

    @asynccontextmanager
    async def open_one() -> AsyncIterator[Registry]:
        registry: Registry = MemoryRegistry() if dsn is None else await open_postgres(dsn, 20)
        try:
            await registry.prepare(PEOPLE)
            yield registry
        finally:
            await registry.close()

    return open_one


def crossing(name: str = "c-1", i: int = 0, **changes: object) -> Crossing:
    one = person(i)
    plain = Crossing(
        id=name,
        document=one.document,
        nationality=one.nationality,
        airport="cgk",
        flight="GA881",
        direction="arrival",
        channel="counter",
        recorded_at=1.0,
    )
    return msgspec.structs.replace(plain, **changes)


async def record(registry: Registry, one: Crossing) -> Recorded:
    (recorded,) = await registry.record([one])
    return recorded


def test_a_crossing_is_recorded_once_and_keeps_its_receipt(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            first = await record(registry, crossing())
            again = await record(registry, crossing())
            assert (first.outcome, again.outcome) == ("recorded", "duplicate")
            assert first.receipt == again.receipt
            assert await registry.find_crossing(crossing()) == again
            assert [line.id for line in await registry.crossings(0, 10)] == ["c-1"]

    run(test())


def test_a_late_record_of_a_known_crossing_is_a_duplicate(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            first = await record(registry, crossing())
            late = crossing(channel="late", officer="RS", snapshot_version=3, recorded_at=9.0)
            again = await record(registry, late)
            assert (again.outcome, again.receipt) == ("duplicate", first.receipt)
            assert (await registry.crossings(0, 10))[0].channel == "counter"

    run(test())


def test_a_known_id_with_another_traveller_is_a_conflict(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            first = await record(registry, crossing())
            other = await record(registry, crossing(i=1))
            assert (other.outcome, other.receipt) == ("conflict", first.receipt)
            assert len(await registry.crossings(0, 10)) == 1

    run(test())


def test_of_many_concurrent_writes_one_is_recorded(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            results = await asyncio.gather(*(record(registry, crossing()) for _ in range(20)))
            assert sorted(one.outcome for one in results) == ["duplicate"] * 19 + ["recorded"]
            assert len({one.receipt for one in results}) == 1

    run(test())


def test_a_batch_is_recorded_in_order_whatever_it_contains(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            await record(registry, crossing("known"))
            batch = [
                crossing("b"),
                crossing("known", 1),
                crossing("a"),
                crossing("b"),
                crossing("b", 2),
            ]
            results = await registry.record(batch)
            outcomes = [one.outcome for one in results]
            assert outcomes == ["recorded", "conflict", "recorded", "duplicate", "conflict"]
            assert [line.id for line in await registry.crossings(0, 9)] == ["known", "b", "a"]
            again = await registry.record(batch)
            assert [one.receipt for one in again] == [one.receipt for one in results]
            assert "recorded" not in {one.outcome for one in again}
            assert await registry.record([]) == []

    run(test())


def test_the_same_batch_sent_concurrently_is_recorded_once(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            batch = [crossing(f"c-{i}", i) for i in range(50)]
            both = await asyncio.gather(registry.record(batch), registry.record(batch))
            receipts = [[one.receipt for one in results] for results in both]
            assert receipts[0] == receipts[1]
            assert receipts[0] == sorted(set(receipts[0]))
            outcomes = [one.outcome for results in both for one in results]
            assert outcomes.count("recorded") == 50

    run(test())


def test_receipts_increase_and_the_ledger_is_read_in_pages(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            receipts = [(await record(registry, crossing(f"c-{i}"))).receipt for i in range(5)]
            assert receipts == sorted(set(receipts))
            first = await registry.crossings(0, 3)
            rest = await registry.crossings(first[-1].receipt, 3)
            assert [line.id for line in [*first, *rest]] == [f"c-{i}" for i in range(5)]

    run(test())


def test_an_empty_ledger_has_no_crossings(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            assert await registry.find_crossing(crossing()) is None
            assert await registry.crossings(0, 10) == []

    run(test())


def test_a_crossing_of_a_listed_document_is_flagged(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            before = await record(registry, crossing("before"))
            await registry.add_to_watchlist(person(0).document, "found later")
            after = await record(registry, crossing("after"))
            assert (before.late_hit, after.late_hit) == (False, True)
            # A recorded line does not change: the flag is the state at the time of recording.
            assert not (await record(registry, crossing("before"))).late_hit

    run(test())


def test_the_watchlist_grows_by_one_for_each_new_document(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            seeded = await registry.watchlist()
            assert set(seeded.documents) == {
                one.document for one in map(person, range(PEOPLE)) if one.listed
            }
            entry = await registry.add_to_watchlist("T0000001", "warrant")
            assert await registry.add_to_watchlist("T0000001", "another reason") == entry
            grown = await registry.watchlist()
            assert grown.version > seeded.version
            assert set(grown.documents) - set(seeded.documents) == {"T0000001"}
            assert await registry.is_listed("T0000001")
            assert not await registry.is_listed("T0000002")
            assert [one.document for one in await registry.entries(entry.number - 1, 5)] == [
                "T0000001"
            ]

    run(test())


def test_holders_are_found_by_their_documents(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            for i in range(PEOPLE):
                one = person(i)
                traveller = await registry.find_holder(one.document)
                assert traveller is not None
                assert traveller.passport.until == one.expiry
                assert traveller.needs == (None if one.kind == "citizen" else one.kind)
                if one.number is None:
                    assert traveller.permission is None
                else:
                    assert traveller.permission is not None
                    assert traveller.permission.number == one.number
                    assert traveller.permission.cancelled == one.cancelled
            assert await registry.find_holder(person(PEOPLE).document) is None

    run(test())


def test_credentials_are_found_by_service_and_document(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            foreigner = next(one for one in map(person, range(PEOPLE)) if one.kind == "visa")
            visa = await registry.credential("visa", foreigner.document)
            assert visa is not None
            assert visa.number == foreigner.number
            assert await registry.credential("passport", foreigner.document) is not None
            assert await registry.credential("stay-permit", foreigner.document) is None

    run(test())


def test_an_application_is_registered_once_for_each_service(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            one = Application("a-1", "T0000001")
            assert await registry.apply("visa", one) == "recorded"
            assert await registry.apply("visa", one) == "duplicate"
            assert await registry.apply("passport", one) == "recorded"
            changed = Application("a-1", "T0000001", same_day=True)
            assert await registry.apply("visa", changed) == "conflict"
            assert [found for _, found in await registry.applications("visa", 0, 9)] == [one]

    run(test())


def test_applications_are_read_in_pages(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            for i in range(4):
                await registry.apply("visa", Application(f"a-{i}", "T0000001"))
                await registry.apply("passport", Application(f"p-{i}", "T0000001"))
            first = await registry.applications("visa", 0, 3)
            rest = await registry.applications("visa", first[-1][0], 3)
            assert [one.id for _, one in [*first, *rest]] == [f"a-{i}" for i in range(4)]

    run(test())


def test_admissions_are_stored_for_each_tenant(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            assert await registry.admission("border") is None
            await registry.set_admission("border", Admission(0.5, "ramp", 7.0))
            await registry.set_admission("visa", Admission(0.0, "later", 8.0))
            await registry.set_admission("border", Admission(1.0, "done", 9.0))
            assert await registry.admission("border") == Admission(1.0, "done", 9.0)

    run(test())


def test_preparing_again_changes_nothing(opened: Open) -> None:
    async def test() -> None:
        async with opened() as registry:
            await record(registry, crossing())
            before = await registry.watchlist()
            await registry.prepare(PEOPLE)
            assert await registry.watchlist() == before
            assert len(await registry.crossings(0, 10)) == 1

    run(test())


def test_tenants_that_start_together_prepare_once(dsn: str) -> None:
    async def test() -> None:
        registries = [await open_postgres(dsn, 20) for _ in range(5)]
        try:
            await asyncio.gather(*(one.prepare(PEOPLE) for one in registries))
            listed = [one.document for one in map(person, range(PEOPLE)) if one.listed]
            assert sorted((await registries[0].watchlist()).documents) == sorted(listed)
        finally:
            for one in registries:
                await one.close()

    run(test())
