"""From manual mode back to automatic: admission, journal replay and quarantine."""

from services.kit.testing import run

from ..country import CENTER, CITIZEN, FOREIGNER, Country, asks, cut, heal
from .client import serve, status


def test_the_journal_is_replayed_after_an_outage_without_any_request() -> None:
    async def scenario() -> None:
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

    run(scenario())


def test_a_closed_admission_is_respected_and_a_share_means_mixed_mode() -> None:
    async def scenario() -> None:
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

    run(scenario())


def test_a_lost_reply_of_the_border_leads_to_one_crossing() -> None:
    async def scenario() -> None:
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

    run(scenario())


def test_late_hits_and_conflicts_are_quarantined_and_listed() -> None:
    async def scenario() -> None:
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

    run(scenario())
