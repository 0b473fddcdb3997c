"""From manual mode back to automatic: admission, journal replay and quarantine."""

from services.kit.testing import run

from ..airport_system import CENTER, CITIZEN, FOREIGNER, AirportSystem, cut, heal, traveller_request
from .client import serve, status


def test_the_journal_is_replayed_after_an_outage_without_any_request() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(system)
            await system.clock.advance(300)
            await serve(
                system, http, traveller_request("c1"), traveller_request("c2", FOREIGNER), time=150
            )
            heal(system)
            await system.clock.advance(900)
            assert await system.ledger() == {"c1": "late", "c2": "late"}
            assert system.modes("counter-cgk") == ["manual", "mixed", "automatic"]
            assert (await status(http))["quiescent"]
            assert system.logs["counter-cgk"].named("journal")[-1] == {
                "event": "journal",
                "pending": 0,
                "entered": 2,
                "share": 1.0,
            }

    run(scenario())


def test_a_closed_admission_is_respected_and_a_share_means_mixed_mode() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, center, http):
            await system.clock.advance(60)
            await center.put("/admission", json={"share": 0, "reason": "recovery"})
            (first,) = await serve(system, http, traveller_request("c1"), time=150)
            assert first["path"] == "manual"
            assert system.modes("counter-cgk") == ["manual"]
            before = (await center.get("/status")).json()["received"]
            await serve(system, http, traveller_request("c2"), traveller_request("c3"), time=150)
            assert (await center.get("/status")).json()["received"] == before
            await center.put("/admission", json={"share": 0.5, "reason": "recovery"})
            await system.clock.advance(120)
            assert system.modes("counter-cgk") == ["manual", "mixed"]
            await center.put("/admission", json={"share": 1, "reason": "recovery"})
            await system.clock.advance(900)
            assert system.modes("counter-cgk") == ["manual", "mixed", "automatic"]
            assert await system.ledger() == {"c1": "late", "c2": "late", "c3": "late"}

    run(scenario())


def test_a_lost_reply_of_the_border_leads_to_one_crossing() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            await system.clock.advance(60)
            system.network.lost = {"http://border"}
            (answer,) = await serve(system, http, traveller_request("c1"), time=150)
            assert (answer["decision"], answer["path"]) == ("admitted", "manual")
            assert await system.ledger() == {"c1": "counter"}
            assert system.journal.counts().written == 1
            system.network.lost = set()
            await system.clock.advance(1200)
            assert await system.ledger() == {"c1": "counter"}
            assert system.journal.counts().entered == 1
            assert system.modes("counter-cgk")[-1] == "automatic"

    run(scenario())


def test_late_hits_and_conflicts_are_quarantined_and_listed() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as (lists, center, http):
            await system.clock.advance(60)
            cut(system)
            await system.clock.advance(300)
            await serve(
                system, http, traveller_request("c1"), traveller_request("c2", FOREIGNER), time=150
            )
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
            heal(system)
            await system.clock.advance(900)
            listed = (await http.get("/quarantine")).json()["items"]
            assert {item["id"]: item["reason"] for item in listed} == {
                "c1": "late-hit",
                "c2": "conflict",
            }
            events = system.logs["counter-cgk"].named("quarantine")
            assert {event["id"] for event in events} == {"c1", "c2"}
            assert (await status(http))["quiescent"]
            pages = (await http.get("/journal?limit=1")).json()
            assert pages["next"] == "/journal?after=1&limit=1"
            assert pages["items"][0]["state"] == "quarantined"

    run(scenario())
