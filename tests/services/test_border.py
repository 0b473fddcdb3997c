"""The border service: recording crossings, late batches and the paged ledger."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

import services.border
from services.kit.testing import FlakyRegistry, fake_world, run, running
from services.population import person
from services.store import Registry


def border(registry: Registry | None = None) -> Starlette:
    return services.border.create(fake_world("border", registry=registry))


def crossing(name: str = "c-1", i: int = 0, **changes: object) -> dict[str, object]:
    one = person(i)
    return {
        "id": name,
        "document": one.document,
        "nationality": one.nationality,
        "airport": "cgk",
        "flight": "GA881",
        "direction": "arrival",
        "channel": "counter",
        "recorded_at": 1.0,
        **changes,
    }


def late(name: str = "c-1", i: int = 0, **changes: object) -> dict[str, object]:
    return crossing(
        name, i, **{"channel": "late", "officer": "RS", "snapshot_version": 2, **changes}
    )


async def ledger(http: httpx.AsyncClient) -> list[dict[str, object]]:
    lines, path = [], "/crossings?limit=2"
    while path:
        page = (await http.get(path)).json()
        lines += page["items"]
        path = page["next"]
    return lines


async def record_batch(
    http: httpx.AsyncClient, *records: dict[str, object]
) -> list[dict[str, object]]:
    answer = await http.post("/crossings/batch", json={"records": list(records)})
    assert answer.status_code == 200
    results: list[dict[str, object]] = answer.json()["results"]
    return results


def test_a_crossing_gets_a_receipt() -> None:
    async def test() -> None:
        async with running(border()) as http:
            answer = await http.post("/crossings", json=crossing())
            assert answer.status_code == 201
            assert answer.json() == {"id": "c-1", "receipt": 1, "source": "central"}
            assert await ledger(http) == [
                {
                    "id": "c-1",
                    "receipt": 1,
                    "channel": "counter",
                    "document": person(0).document,
                    "airport": "cgk",
                    "late_hit": False,
                }
            ]

    run(test())


def test_a_retry_after_a_lost_answer_gets_the_same_receipt() -> None:
    async def test() -> None:
        async with running(border()) as http:
            first = await http.post("/crossings", json=crossing())
            again = await http.post("/crossings", json=crossing())
            # The gate did not get the answer, and the traveller went to a counter.
            elsewhere = await http.post("/crossings", json=crossing(channel="autogate"))
            assert (again.status_code, elsewhere.status_code) == (200, 200)
            assert first.json() == again.json() == elsewhere.json()
            assert len(await ledger(http)) == 1

    run(test())


def test_the_same_crossing_id_for_another_traveller_is_a_conflict() -> None:
    async def test() -> None:
        async with running(border()) as http:
            await http.post("/crossings", json=crossing())
            other = await http.post("/crossings", json=crossing(i=1))
            assert (other.status_code, other.json()["error"]) == (409, "conflict")
            assert len(await ledger(http)) == 1

    run(test())


def test_an_unknown_document_is_refused() -> None:
    async def test() -> None:
        async with running(border()) as http:
            answer = await http.post("/crossings", json=crossing(document="T0000001"))
            assert (answer.status_code, answer.json()["error"]) == (422, "document")
            assert await ledger(http) == []

    run(test())


def test_a_cancelled_visa_is_refused() -> None:
    async def test() -> None:
        async with running(border()) as http:
            refused = next(i for i in range(200) if person(i).cancelled)
            answer = await http.post("/crossings", json=crossing(i=refused))
            assert (answer.status_code, answer.json()["error"]) == (422, "visa")
            assert await ledger(http) == []

    run(test())


def test_a_retry_of_a_late_record_gets_its_receipt_even_with_a_cancelled_visa() -> None:
    async def test() -> None:
        async with running(border()) as http:
            refused = next(i for i in range(200) if person(i).cancelled)
            (result,) = await record_batch(http, late(i=refused))
            answer = await http.post("/crossings", json=crossing(i=refused))
            assert answer.status_code == 200
            assert answer.json()["receipt"] == result["receipt"]

    run(test())


def test_foreigners_with_a_visa_or_a_permit_are_recorded() -> None:
    async def test() -> None:
        async with running(border()) as http:
            for kind in ("visa", "stay-permit"):
                i = next(i for i in range(200) if person(i).kind == kind)
                assert not person(i).cancelled
                answer = await http.post("/crossings", json=crossing(kind, i))
                assert answer.status_code == 201

    run(test())


def test_an_expired_passport_is_refused() -> None:
    async def test() -> None:
        world = fake_world("border")
        await world.clock.advance(30 * 366 * 86_400)  # type: ignore[attr-defined]
        async with running(services.border.create(world)) as http:
            answer = await http.post("/crossings", json=crossing())
            assert (answer.status_code, answer.json()["error"]) == (422, "document")

    run(test())


def test_a_batch_is_recorded_in_order_with_a_result_for_each_record() -> None:
    async def test() -> None:
        async with running(border()) as http:
            await http.post("/crossings", json=crossing("known"))
            await http.post("/crossings", json=crossing("other"))
            results = await record_batch(
                http, late("known"), late("new"), late("other", i=1), late("newer", i=3)
            )
            assert [(one["id"], one["outcome"]) for one in results] == [
                ("known", "duplicate"),
                ("new", "recorded"),
                ("other", "conflict"),
                ("newer", "recorded"),
            ]
            assert [line["id"] for line in await ledger(http)] == ["known", "other", "new", "newer"]

    run(test())


def test_a_repeated_batch_changes_nothing() -> None:
    async def test() -> None:
        async with running(border()) as http:
            records = [late(f"c-{i}", i) for i in range(5)]
            first = await record_batch(http, *records)
            again = await record_batch(http, *records)
            assert {one["outcome"] for one in first} == {"recorded"}
            assert {one["outcome"] for one in again} == {"duplicate"}
            assert [one["receipt"] for one in first] == [one["receipt"] for one in again]
            assert len(await ledger(http)) == 5

    run(test())


def test_the_same_batch_sent_twice_at_the_same_time_is_recorded_once() -> None:
    async def test() -> None:
        async with running(border()) as http:
            records = [late(f"c-{i}", i) for i in range(5)]
            both = await asyncio.gather(record_batch(http, *records), record_batch(http, *records))
            assert [one["receipt"] for one in both[0]] == [one["receipt"] for one in both[1]]
            assert len(await ledger(http)) == 5

    run(test())


def test_a_late_hit_on_the_watchlist_is_recorded_and_flagged() -> None:
    async def test() -> None:
        async with running(border()) as http:
            listed = next(i for i in range(200) if person(i).listed)
            (result,) = await record_batch(http, late(i=listed))
            assert (result["outcome"], result["late_hit"]) == ("recorded", True)
            (again,) = await record_batch(http, late(i=listed))
            assert (again["outcome"], again["late_hit"]) == ("duplicate", True)
            (line,) = await ledger(http)
            assert line["late_hit"] is True
            assert line["channel"] == "late"

    run(test())


@pytest.mark.parametrize(
    "change", [{"channel": "late"}, {"channel": "window"}, {"recorded_at": "noon"}, {"id": None}]
)
def test_an_invalid_crossing_is_answered_400(change: dict[str, Any]) -> None:
    async def test() -> None:
        async with running(border()) as http:
            answer = await http.post("/crossings", json=crossing(**change))
            assert answer.status_code == 400

    run(test())


def test_an_unknown_outcome_is_reported_as_unsure_and_a_retry_resolves_it() -> None:
    async def test() -> None:
        storage = FlakyRegistry()
        async with running(border(storage.registry)) as http:
            storage.state = "answers lost"
            records = {"records": [late("c-2", 1), late("c-3", 2)]}
            answer = await http.post("/crossings/batch", json=records)
            assert (answer.status_code, answer.json()["error"]) == (500, "unsure")
            storage.state = "up"
            results = await record_batch(http, late("c-2", 1), late("c-3", 2))
            assert [one["outcome"] for one in results] == ["duplicate", "duplicate"]

    run(test())


def test_without_storage_nothing_is_recorded_and_the_error_is_storage() -> None:
    async def test() -> None:
        storage = FlakyRegistry()
        async with running(border(storage.registry)) as http:
            storage.state = "down"
            answer = await http.post("/crossings", json=crossing())
            assert (answer.status_code, answer.json()["error"]) == (503, "storage")
            storage.state = "up"
            assert await ledger(http) == []

    run(test())
