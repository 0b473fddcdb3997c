"""A counter serves travellers: online with the data center, manually without it."""

import asyncio

from services.kit.testing import run, run_until_idle

from ..airport_system import (
    CENTER,
    FOREIGNER,
    LISTED,
    AirportSystem,
    cut,
    find_person,
    heal,
    traveller_request,
)
from .client import serve, status


def test_online_the_data_center_decides_after_the_online_time() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            call = asyncio.ensure_future(http.post("/travellers", json=traveller_request("c1")))
            await system.clock.advance(49)
            assert not call.done()
            assert not (await status(http))["quiescent"]
            await system.clock.advance(1)
            assert (await call).json() == {
                "decision": "admitted",
                "path": "online",
                "source": "central",
                "receipt": 1,
                "waited": 0.0,
            }
            assert await system.ledger() == {"c1": "counter"}
            assert system.journal.counts().total == 0
            assert (await status(http))["quiescent"]
            assert system.modes("counter-cgk") == []

    run(scenario())


def test_online_a_traveller_who_must_not_pass_is_held() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        cancelled = find_person(kind="visa", cancelled=True)
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            answers = await serve(
                system,
                http,
                traveller_request("c1", LISTED),
                traveller_request("c2", cancelled),
                time=120,
            )
            assert [(a["decision"], a["source"], a["reason"]) for a in answers] == [
                ("held", "central", "watchlist"),
                ("held", "central", "visa"),
            ]
            assert await system.ledger() == {}

    run(scenario())


def test_during_an_outage_officers_verify_travellers_manually() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(system)
            await system.clock.advance(300)
            assert system.modes("counter-cgk") == ["manual"]
            visa = {"number": "V7654321", "days": 60}
            began = system.clock.now()
            admitted, held = await serve(
                system,
                http,
                traveller_request("c1", FOREIGNER, visa=visa),
                traveller_request("c2", LISTED),
                time=150,
            )
            assert (admitted["decision"], admitted["path"]) == ("admitted", "manual")
            assert admitted["source"] == "snapshot"
            assert admitted["snapshot_version"] == (await status(http))["snapshot_version"]
            assert "receipt" not in admitted
            assert (held["decision"], held["reason"]) == ("held", "watchlist")
            record = system.journal.find("c1")
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
            assert system.journal.counts().total == 1
            assert not (await status(http))["quiescent"]

    run(scenario())


def test_the_same_crossing_again_gets_the_same_decision_and_no_second_record() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        during_outage = traveller_request("c2")
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            first = await serve(system, http, traveller_request("c1"), time=50)
            assert await serve(system, http, traveller_request("c1"), time=0) == first
            cut(system)
            await system.clock.advance(300)
            manual = await serve(system, http, during_outage, time=150)
            assert await serve(system, http, during_outage, time=0) == manual
            assert system.journal.counts().total == 1

    run(scenario())


def test_a_crossing_id_of_another_traveller_is_a_conflict() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            await serve(system, http, traveller_request("c1"), time=50)
            answer = await http.post("/travellers", json=traveller_request("c1", FOREIGNER))
            assert (answer.status_code, answer.json()["error"]) == (409, "conflict")

    run(scenario())


def test_without_a_valid_snapshot_nobody_is_admitted_manually() -> None:
    async def scenario() -> None:
        system = AirportSystem(env={"SNAPSHOT_LIMIT": "7200"})
        cut(system)
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            await system.clock.advance(300)
            (none,) = await serve(system, http, traveller_request("c1"), time=150)
            assert (none["decision"], none["reason"]) == ("held", "no-snapshot")
            heal(system)
            await system.clock.advance(600)
            cut(system)
            await system.clock.advance(7200)
            (old,) = await serve(system, http, traveller_request("c2"), time=150)
            assert (old["decision"], old["reason"]) == ("held", "snapshot-too-old")
            assert system.journal.counts().total == 0

    run(scenario())


def test_a_snapshot_with_a_wrong_signature_is_refused() -> None:
    async def scenario() -> None:
        system = AirportSystem(env={"SNAPSHOT_KEY": "the key of the counter"})
        async with system.open("watchlist") as _:
            system.env = {"SNAPSHOT_KEY": "another key"}
            async with system.open("counter-cgk") as (http,):
                await system.clock.advance(300)
                assert (await status(http))["snapshot_version"] is None
                assert system.logs["counter-cgk"].named("snapshot-refused")

    run(scenario())


def test_officers_serve_in_order_of_arrival_and_a_surge_adds_officers() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            calls = [
                asyncio.ensure_future(http.post("/travellers", json=traveller_request(f"c{n}")))
                for n in range(6)
            ]
            await system.clock.advance(0)
            assert (await http.get("/queue")).json() == {"waiting": 4, "delay": 100.0}
            await http.put("/surge", json={"open": True})
            await run_until_idle()
            assert (await http.get("/queue")).json()["waiting"] == 2
            await system.clock.advance(50)
            assert [call.done() for call in calls] == [True] * 4 + [False] * 2
            await system.clock.advance(50)
            assert [(await call).json()["waited"] for call in calls] == [0, 0, 0, 0, 50, 50]
            assert system.logs["counter-cgk"].named("surge") == [{"event": "surge", "officers": 4}]

    run(scenario())


def test_the_decision_is_kept_when_the_client_disconnects() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(system)
            await system.clock.advance(300)
            call = asyncio.ensure_future(http.post("/travellers", json=traveller_request("c1")))
            await system.clock.advance(100)
            call.cancel()
            await run_until_idle()
            await system.clock.advance(50)
            assert system.journal.counts().total == 1
            (answer,) = await serve(system, http, traveller_request("c1"), time=0)
            assert answer["decision"] == "admitted"

    run(scenario())


def test_a_traveller_with_an_unreadable_passport_is_held() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            (answer,) = await serve(
                system, http, traveller_request("c1", mrz=["P<UTO", "smudged"]), time=50
            )
            assert (answer["decision"], answer["reason"]) == ("held", "unreadable")

    run(scenario())
