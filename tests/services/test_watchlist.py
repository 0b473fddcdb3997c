"""The HTTP interface of the watchlist service."""

from starlette.applications import Starlette

import services.watchlist
from services.kit.testing import START_TIME, fake_world, run, running
from services.population import person
from services.snapshot import Snapshot, verify

LISTED = [one.document for one in map(person, range(200)) if one.listed]


def watchlist() -> Starlette:
    return services.watchlist.create(fake_world("watchlist", {"SNAPSHOT_KEY": "key"}))


def test_a_listed_document_is_found() -> None:
    async def test() -> None:
        async with running(watchlist()) as http:
            for document, listed in [(LISTED[0], True), (person(1).document, False)]:
                answer = await http.get("/check", params={"document": document})
                assert answer.json() == {"listed": listed, "source": "central"}

    run(test())


def test_a_check_without_a_document_is_answered_400() -> None:
    async def test() -> None:
        async with running(watchlist()) as http:
            assert (await http.get("/check")).status_code == 400

    run(test())


def test_a_snapshot_has_the_whole_watchlist_and_its_time_of_issue() -> None:
    async def test() -> None:
        async with running(watchlist()) as http:
            snapshot = Snapshot(**(await http.get("/snapshot")).json())
            assert verify("key", snapshot)
            assert snapshot.entries == sorted(LISTED)
            assert snapshot.issued_at == START_TIME

    run(test())


def test_a_new_entry_is_effective_at_once_and_creates_a_new_version() -> None:
    async def test() -> None:
        async with running(watchlist()) as http:
            before = (await http.get("/snapshot")).json()
            entry = {"document": "T0000001", "reason": "warrant"}
            assert (await http.post("/entries", json=entry)).status_code == 201
            assert (await http.post("/entries", json=entry)).status_code == 201
            assert (await http.get("/check?document=T0000001")).json()["listed"]
            after = (await http.get("/snapshot")).json()
            assert after["version"] == before["version"] + 1
            assert set(after["entries"]) - set(before["entries"]) == {"T0000001"}

    run(test())


def test_the_entries_are_read_in_pages() -> None:
    async def test() -> None:
        async with running(watchlist()) as http:
            seen, path = [], "/entries?limit=3"
            while path:
                page = (await http.get(path)).json()
                seen += [item["document"] for item in page["items"]]
                path = page["next"]
            assert sorted(seen) == sorted(LISTED)

    run(test())
