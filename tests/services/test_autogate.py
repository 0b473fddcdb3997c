"""Autogates: fast with the data center, closed without it, reopened only by permission."""

import asyncio
from typing import Any

import httpx
import pytest

from services.kit.testing import run, run_until_idle

from .airport_system import (
    CENTER,
    FOREIGNER,
    LISTED,
    AirportSystem,
    cut,
    find_person,
    heal,
    traveller_request,
)

Answer = tuple[int, dict[str, Any]]


async def serve(
    system: AirportSystem, http: httpx.AsyncClient, *bodies: dict[str, Any]
) -> list[Answer]:
    """Send travellers, wait for the longest time that a lane takes, and return the answers."""
    calls = [asyncio.ensure_future(http.post("/travellers", json=body)) for body in bodies]
    await system.clock.advance(25)
    return [((await call).status_code, (await call).json()) for call in calls]


async def status(http: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await http.get("/status")).json()
    return answer


def test_a_traveller_whom_the_data_center_clears_is_admitted() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            assert await serve(system, http, traveller_request("c1")) == [
                (
                    200,
                    {
                        "decision": "admitted",
                        "path": "autogate",
                        "source": "central",
                        "receipt": 1,
                    },
                )
            ]
            assert await system.ledger() == {"c1": "autogate"}
            assert system.modes("autogate-cgk") == []

    run(scenario())


def test_a_crossing_takes_the_same_time_every_time_and_within_bounds() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        times = []
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            for crossing in ("c1", "c2", "c1"):
                call = asyncio.ensure_future(
                    http.post("/travellers", json=traveller_request(crossing))
                )
                took = 0.0
                while not call.done():
                    await system.clock.advance(0.5)
                    took += 0.5
                times.append(took)
        assert times[0] == times[2] != times[1]
        assert all(15 <= took <= 25 for took in times)

    run(scenario())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (traveller_request("c1", LISTED), "watchlist"),
        (traveller_request("c1", find_person(kind="visa", cancelled=True)), "document"),
        (traveller_request("c1", mrz=["P<UTOERIKSSON", "L898902C3"]), "unreadable"),
    ],
)
def test_a_traveller_for_an_officer_to_check_is_referred(body: dict[str, Any], reason: str) -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            answers = await serve(system, http, body)
            assert answers == [(200, {"decision": "referred", "reason": reason})]
            assert await system.ledger() == {}

    run(scenario())


def test_travellers_wait_until_a_lane_is_free() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            bodies = [traveller_request(f"c{n}") for n in range(4)]
            calls = [asyncio.ensure_future(http.post("/travellers", json=b)) for b in bodies]
            await run_until_idle()
            now = await status(http)
            assert (now["inside"], now["waiting"], now["quiescent"]) == (3, 1, False)
            await system.clock.advance(50)
            assert [(await call).status_code for call in calls] == [200] * 4
            assert (await status(http))["quiescent"]

    run(scenario())


def test_in_an_outage_all_lanes_close_even_without_travellers() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            await system.clock.advance(120)
            cut(system)
            await system.clock.advance(120)
            assert system.modes("autogate-cgk") == ["manual"]
            now = await status(http)
            assert (now["lanes"], now["share"], now["mode"]) == (0, 0, "manual")
            ((code, body),) = await serve(system, http, traveller_request("c1"))
            assert (code, body["error"], body["go_to"]) == (503, "closed", "counter-cgk")
            assert "does not answer" in body["reason"]

    run(scenario())


def test_waiting_travellers_are_diverted_at_once_when_the_gate_closes() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            await system.clock.advance(60)
            bodies = [traveller_request(f"c{n}") for n in range(5)]
            calls = [asyncio.ensure_future(http.post("/travellers", json=b)) for b in bodies]
            await run_until_idle()
            await http.put("/lanes", json={"share": 0, "reason": "drill"})
            await run_until_idle()
            assert [call.done() for call in calls] == [False] * 3 + [True] * 2
            await system.clock.advance(25)
            assert [(await call).status_code for call in calls] == [200] * 3 + [503] * 2

    run(scenario())


def test_a_closed_gate_stays_closed_until_it_is_permitted() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            await system.clock.advance(60)
            cut(system)
            await system.clock.advance(120)
            early = await http.put("/lanes", json={"share": 1, "reason": "too early"})
            assert (early.status_code, early.json()["error"]) == (503, "blind")
            heal(system)
            await system.clock.advance(2 * 3600)
            now = await status(http)
            assert (now["lanes"], now["mode"]) == (0, "manual")
            assert "has not permitted lanes" in now["reason"]

            some = await http.put("/lanes", json={"share": 0.34, "reason": "stage autogate-cgk"})
            assert some.json() == {"share": 0.34, "lanes": 2, "mode": "mixed"}
            assert (await serve(system, http, traveller_request("c1")))[0][0] == 200
            await http.put("/lanes", json={"share": 1, "reason": "stage autogate-cgk"})
            assert (await status(http))["lanes"] == 3
            assert system.modes("autogate-cgk") == ["manual", "mixed", "automatic"]

    run(scenario())


def test_a_gate_closes_again_in_the_next_outage() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            await system.clock.advance(60)
            await http.put("/lanes", json={"share": 0.34})
            cut(system)
            await system.clock.advance(120)
            assert system.modes("autogate-cgk") == ["mixed", "manual"]

    run(scenario())


def test_a_closed_admission_closes_the_gate_and_a_share_diverts_some_travellers() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, center, http):
            await system.clock.advance(60)
            await center.put("/admission", json={"share": 0.5, "reason": "recovery"})
            codes = [
                (await serve(system, http, traveller_request(f"c{n}")))[0][0] for n in range(2)
            ]
            assert codes == [503, 503]  # the first is refused; the second waits for Retry-After
            assert system.modes("autogate-cgk") == []
            await system.clock.advance(60)
            assert (await serve(system, http, traveller_request("c3")))[0][0] == 200
            await center.put("/admission", json={"share": 0, "reason": "relapse"})
            assert (await serve(system, http, traveller_request("c4")))[0][0] == 503
            assert system.modes("autogate-cgk") == ["manual"]

    run(scenario())


def test_a_crossing_whose_answer_was_lost_stays_one_crossing_at_the_counter() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk", "counter-cgk") as (_, _, gate, desk):
            await system.clock.advance(60)
            system.network.lost = {"http://border"}
            ((code, body),) = await serve(system, gate, traveller_request("c1", FOREIGNER))
            assert (code, body["go_to"]) == (503, "counter-cgk")
            system.network.lost = set()
            await system.clock.advance(120)
            call = asyncio.ensure_future(
                desk.post("/travellers", json=traveller_request("c1", FOREIGNER))
            )
            await system.clock.advance(50)
            assert (await call).json()["receipt"] == 1
            assert await system.ledger() == {"c1": "autogate"}

    run(scenario())


def test_one_failed_request_does_not_close_the_gate() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "autogate-cgk") as (_, _, http):
            await system.clock.advance(60)
            system.network.cut = {"http://watchlist"}
            call = asyncio.ensure_future(http.post("/travellers", json=traveller_request("c1")))
            await system.clock.advance(2)
            system.network.cut = set()
            assert (await call).status_code == 503
            await system.clock.advance(600)
            assert system.modes("autogate-cgk") == []

    run(scenario())


def test_a_gate_that_starts_before_the_data_center_does_not_close() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open("autogate-cgk") as (http,):
            await system.clock.advance(600)
            assert (await serve(system, http, traveller_request("c1")))[0][0] == 503
            async with system.open(*CENTER) as _:
                await system.clock.advance(120)
                assert system.modes("autogate-cgk") == []
                assert (await serve(system, http, traveller_request("c2")))[0][0] == 200

    run(scenario())


def test_a_gate_restarted_during_an_outage_stays_closed_after_it() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open("autogate-cgk") as (http,):
            await system.clock.advance(3600)
            assert system.modes("autogate-cgk") == ["manual"]
            async with system.open(*CENTER) as _:
                await system.clock.advance(600)
                assert (await status(http))["lanes"] == 0

    run(scenario())


@pytest.mark.parametrize("share", [-0.1, 1.1, "all"])
def test_a_share_outside_0_to_1_is_refused(share: object) -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open("autogate-cgk") as (http,):
            answer = await http.put("/lanes", json={"share": share})
            assert (answer.status_code, answer.json()["error"]) == (400, "body")

    run(scenario())
