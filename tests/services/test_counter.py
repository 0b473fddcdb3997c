"""The counters with the data center, without it, and in between."""

import asyncio
from typing import Any

import httpx

from services.kit import JournalFullError
from services.kit.testing import run, settle

from .country import CENTER, CITIZEN, FOREIGNER, LISTED, Country, asks, cut, heal, somebody

Reply = dict[str, Any]


async def serve(
    country: Country, http: httpx.AsyncClient, *bodies: Reply, time: float
) -> list[Reply]:
    """Let travellers be served while `time` passes."""
    calls = [asyncio.ensure_future(http.post("/travellers", json=body)) for body in bodies]
    await country.clock.advance(time)
    return [(await call).json() for call in calls]


def without_wait(answer: Reply) -> Reply:
    return {key: value for key, value in answer.items() if key != "waited"}


async def status(http: httpx.AsyncClient) -> Reply:
    answer: Reply = (await http.get("/status")).json()
    return answer


def test_online_the_center_decides_and_it_takes_as_long_as_in_life() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            call = asyncio.ensure_future(http.post("/travellers", json=asks("c1")))
            await country.clock.advance(49)
            assert not call.done()
            assert not (await status(http))["quiescent"]
            await country.clock.advance(1)
            assert (await call).json() == {
                "decision": "admitted",
                "path": "online",
                "source": "central",
                "receipt": 1,
                "waited": 0.0,
            }
            assert await country.ledger() == {"c1": "counter"}
            assert country.journal.counts().total == 0
            assert (await status(http))["quiescent"]
            assert country.modes("counter-cgk") == []

    run(story())


def test_online_who_must_not_pass_is_held() -> None:
    async def story() -> None:
        country = Country()
        cancelled = somebody(kind="visa", cancelled=True)
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            answers = await serve(
                country, http, asks("c1", LISTED), asks("c2", cancelled), time=120
            )
            assert [(a["decision"], a["source"], a["reason"]) for a in answers] == [
                ("held", "central", "watchlist"),
                ("held", "central", "visa"),
            ]
            assert await country.ledger() == {}

    run(story())


def test_without_the_center_officers_go_on_by_hand() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(country)
            await country.clock.advance(300)
            assert country.modes("counter-cgk") == ["manual"]
            visa = {"number": "V7654321", "days": 60}
            began = country.clock.now()
            admitted, held = await serve(
                country, http, asks("c1", FOREIGNER, visa=visa), asks("c2", LISTED), time=150
            )
            assert (admitted["decision"], admitted["path"]) == ("admitted", "manual")
            assert admitted["source"] == "snapshot"
            assert admitted["snapshot_version"] == (await status(http))["snapshot_version"]
            assert "receipt" not in admitted
            assert (held["decision"], held["reason"]) == ("held", "watchlist")
            record = country.journal.find("c1")
            assert record is not None
            assert record.content["stamp"] == {
                "date": "2024-06-20",
                "time": "04:07",
                "flight": "XX123",
                "initials": "C1",
                "visa": "V7654321",
                "days": 60,
            }
            assert record.content["recorded_at"] == began + 150
            assert country.journal.counts().total == 1
            assert not (await status(http))["quiescent"]

    run(story())


def test_the_journal_is_entered_when_the_center_is_back_and_nobody_has_to_ask() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(country)
            await country.clock.advance(300)
            await serve(country, http, asks("c1"), asks("c2", FOREIGNER), time=150)
            heal(country)
            await country.clock.advance(900)
            assert await country.ledger() == {"c1": "late", "c2": "late"}
            assert country.modes("counter-cgk") == ["manual", "mixed", "automatic"]
            assert (await status(http))["quiescent"]
            assert country.logs["counter-cgk"].named("journal")[-1] == {
                "event": "journal",
                "pending": 0,
                "entered": 2,
                "share": 1.0,
            }

    run(story())


def test_the_same_traveller_again_gets_the_same_decision_and_makes_no_second_record() -> None:
    async def story() -> None:
        country = Country()
        cut_off = asks("c2")
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            first = await serve(country, http, asks("c1"), time=50)
            assert await serve(country, http, asks("c1"), time=0) == first
            cut(country)
            await country.clock.advance(300)
            by_hand = await serve(country, http, cut_off, time=150)
            assert await serve(country, http, cut_off, time=0) == by_hand
            assert country.journal.counts().total == 1

    run(story())


def test_a_restarted_counter_knows_what_it_decided() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER) as _:
            async with country.open("counter-cgk") as (http,):
                online = await serve(country, http, asks("c1"), time=50)
                cut(country)
                await country.clock.advance(300)
                by_hand = await serve(country, http, asks("c2"), time=150)
            async with country.open("counter-cgk") as (http,):
                await country.clock.advance(1)
                again = await serve(country, http, asks("c2"), time=150)
                assert without_wait(again[0]) == without_wait(by_hand[0])
                heal(country)
                await country.clock.advance(900)
                again = await serve(country, http, asks("c1"), time=150)
                assert without_wait(again[0]) == without_wait(online[0])
                assert country.journal.counts().total == 1
                assert await country.ledger() == {"c1": "counter", "c2": "late"}

    run(story())


def test_a_restarted_counter_has_the_snapshot_although_the_center_is_away() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as _:
            await country.clock.advance(10)
        cut(country)
        async with country.open("counter-cgk") as (http,):
            await country.clock.advance(3600)
            held, admitted = await serve(country, http, asks("c1", LISTED), asks("c2"), time=300)
            assert (held["decision"], held["reason"]) == ("held", "watchlist")
            assert admitted["decision"] == "admitted"

    run(story())


def test_a_crossing_id_of_somebody_else_is_a_conflict() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            await serve(country, http, asks("c1"), time=50)
            answer = await http.post("/travellers", json=asks("c1", FOREIGNER))
            assert (answer.status_code, answer.json()["error"]) == (409, "conflict")

    run(story())


def test_without_a_valid_snapshot_nobody_is_admitted_by_hand() -> None:
    async def story() -> None:
        country = Country(env={"SNAPSHOT_LIMIT": "7200"})
        cut(country)
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            await country.clock.advance(300)
            (none,) = await serve(country, http, asks("c1"), time=150)
            assert (none["decision"], none["reason"]) == ("held", "no-snapshot")
            heal(country)
            await country.clock.advance(600)
            cut(country)
            await country.clock.advance(7200)
            (old,) = await serve(country, http, asks("c2"), time=150)
            assert (old["decision"], old["reason"]) == ("held", "snapshot-too-old")
            assert country.journal.counts().total == 0

    run(story())


def test_a_forged_or_older_snapshot_is_not_believed() -> None:
    async def story() -> None:
        country = Country(env={"SNAPSHOT_KEY": "the key of the counter"})
        async with country.open("watchlist") as _:
            country.env = {"SNAPSHOT_KEY": "another key"}
            async with country.open("counter-cgk") as (http,):
                await country.clock.advance(300)
                assert (await status(http))["snapshot_version"] is None
                assert country.logs["counter-cgk"].named("snapshot-refused")

    run(story())


def test_a_lost_reply_of_the_border_makes_one_crossing() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            await country.clock.advance(60)
            country.network.lost = {"http://border"}
            (answer,) = await serve(country, http, asks("c1"), time=150)
            assert (answer["decision"], answer["path"]) == ("admitted", "manual")
            assert await country.ledger() == {"c1": "counter"}
            assert country.journal.counts().written == 1
            country.network.lost = set()
            await country.clock.advance(1200)
            assert await country.ledger() == {"c1": "counter"}
            assert country.journal.counts().entered == 1
            assert country.modes("counter-cgk")[-1] == "automatic"

    run(story())


class FullDisk:
    """A journal that has no room left, until it is `free`."""

    def __init__(self, country: Country) -> None:
        self._journal: Any = country.journal
        self.free = False
        country.journal = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def append(self, *args: Any) -> Any:
        if not self.free:
            raise JournalFullError("no room left")
        return self._journal.append(*args)


def test_an_officer_who_cannot_write_lets_nobody_pass_and_decides_nothing() -> None:
    async def story() -> None:
        country = Country()
        disk = FullDisk(country)
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(country)
            await country.clock.advance(300)
            call = asyncio.ensure_future(http.post("/travellers", json=asks("c1")))
            await country.clock.advance(150)
            answer = await call
            assert (answer.status_code, answer.json()["error"]) == (503, "journal")
            assert answer.json()["retry_after"] == 300
            disk.free = True
            (answer,) = await serve(country, http, asks("c1"), time=150)
            assert (answer["decision"], answer["path"]) == ("admitted", "manual")

    run(story())


def test_a_crossing_that_may_be_recorded_and_cannot_be_written_down_is_not_denied() -> None:
    async def story() -> None:
        country = Country()
        disk = FullDisk(country)
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            await country.clock.advance(60)
            country.network.lost = {"http://border"}
            call = asyncio.ensure_future(http.post("/travellers", json=asks("c1")))
            await country.clock.advance(150)
            answer = await call
            assert (answer.status_code, answer.json()["error"]) == (500, "unsure")
            country.network.lost = set()
            disk.free = True
            (answer,) = await serve(country, http, asks("c1"), time=150)
            assert answer["decision"] == "admitted"
            await country.clock.advance(1200)
            assert await country.ledger() == {"c1": "counter"}

    run(story())


def test_who_may_be_recorded_and_is_held_is_set_aside_as_soon_as_there_is_room() -> None:
    async def story() -> None:
        country = Country(env={"SNAPSHOT_LIMIT": "100"})
        disk = FullDisk(country)
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            await country.clock.advance(60)
            country.network.lost = {"http://border"}
            call = asyncio.ensure_future(http.post("/travellers", json=asks("c1")))
            await country.clock.advance(150)
            assert (await call).status_code == 500
            assert not country.logs["counter-cgk"].named("quarantine")
            cut(country)
            disk.free = True
            (answer,) = await serve(country, http, asks("c1"), time=150)
            assert (answer["decision"], answer["reason"]) == ("held", "snapshot-too-old")
            assert country.journal.counts().quarantined == 1

    run(story())


def test_officers_serve_in_the_order_of_arrival_and_a_surge_adds_some() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            calls = [
                asyncio.ensure_future(http.post("/travellers", json=asks(f"c{n}")))
                for n in range(6)
            ]
            await country.clock.advance(0)
            assert (await http.get("/queue")).json() == {"waiting": 4, "delay": 100.0}
            await http.put("/surge", json={"open": True})
            await settle()
            assert (await http.get("/queue")).json()["waiting"] == 2
            await country.clock.advance(50)
            assert [call.done() for call in calls] == [True] * 4 + [False] * 2
            await country.clock.advance(50)
            assert [(await call).json()["waited"] for call in calls] == [0, 0, 0, 0, 50, 50]
            assert country.logs["counter-cgk"].named("surge") == [{"event": "surge", "officers": 4}]

    run(story())


def test_a_client_that_hangs_up_loses_no_decision() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(country)
            await country.clock.advance(300)
            call = asyncio.ensure_future(http.post("/travellers", json=asks("c1")))
            await country.clock.advance(100)
            call.cancel()
            await settle()
            await country.clock.advance(50)
            assert country.journal.counts().total == 1
            (answer,) = await serve(country, http, asks("c1"), time=0)
            assert answer["decision"] == "admitted"

    run(story())


def test_a_passport_that_cannot_be_read_is_held() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, _, http):
            (answer,) = await serve(country, http, asks("c1", mrz=["P<UTO", "smudged"]), time=50)
            assert (answer["decision"], answer["reason"]) == ("held", "unreadable")

    run(story())


def test_admission_is_respected_and_recovery_is_mixed() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (_, center, http):
            await country.clock.advance(60)
            await center.put("/admission", json={"share": 0, "reason": "recovery"})
            (first,) = await serve(country, http, asks("c1"), time=150)
            assert first["path"] == "manual"
            assert country.modes("counter-cgk") == ["manual"]
            before = (await center.get("/status")).json()["received"]
            await serve(country, http, asks("c2"), asks("c3"), time=150)
            assert (await center.get("/status")).json()["received"] == before
            await center.put("/admission", json={"share": 0.5, "reason": "recovery"})
            await country.clock.advance(120)
            assert country.modes("counter-cgk") == ["manual", "mixed"]
            await center.put("/admission", json={"share": 1, "reason": "recovery"})
            await country.clock.advance(900)
            assert country.modes("counter-cgk") == ["manual", "mixed", "automatic"]
            assert await country.ledger() == {"c1": "late", "c2": "late", "c3": "late"}

    run(story())


def test_late_hits_and_conflicts_are_set_aside_and_listed() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as (lists, center, http):
            await country.clock.advance(60)
            cut(country)
            await country.clock.advance(300)
            await serve(country, http, asks("c1"), asks("c2", FOREIGNER), time=150)
            await lists.post(
                "/entries", json={"document": CITIZEN.document, "reason": "fled yesterday"}
            )
            taken = {
                "id": "c2",
                "document": CITIZEN.document,
                "nationality": "IDN",
                "airport": "sub",
                "flight": "YY1",
                "direction": "arrival",
                "channel": "late",
                "recorded_at": 1.0,
                "officer": "sub-1",
                "snapshot_version": 1,
            }
            await center.post("/crossings/batch", json={"records": [taken]})
            heal(country)
            await country.clock.advance(900)
            listed = (await http.get("/quarantine")).json()["items"]
            assert {item["id"]: item["reason"] for item in listed} == {
                "c1": "late-hit",
                "c2": "conflict",
            }
            events = country.logs["counter-cgk"].named("quarantine")
            assert {event["id"] for event in events} == {"c1", "c2"}
            assert (await status(http))["quiescent"]
            pages = (await http.get("/journal?limit=1")).json()
            assert pages["next"] == "/journal?after=1&limit=1"
            assert pages["items"][0]["state"] == "quarantined"

    run(story())


def test_a_counter_that_starts_before_its_center_is_not_in_an_outage() -> None:
    async def story() -> None:
        country = Country()
        async with country.open("counter-cgk") as _:
            await country.clock.advance(900)
            async with country.open(*CENTER) as _:
                await country.clock.advance(300)
                assert country.logs["counter-cgk"].named("breaker") == []
                assert country.modes("counter-cgk") == []
                assert country.logs["counter-cgk"].named("snapshot")

    run(story())


def test_a_counter_that_is_restarted_in_an_outage_knows_it_soon() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as _:
            await country.clock.advance(60)
        cut(country)
        async with country.open("counter-cgk") as _:
            await country.clock.advance(60)
            assert country.modes("counter-cgk") == ["manual"]

    run(story())
