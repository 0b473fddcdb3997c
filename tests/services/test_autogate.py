"""The gates: quick with the data center, closed without it, and reopened only by permission."""

import asyncio
from typing import Any

import httpx
import pytest

from services.kit.testing import run, settle

from .country import CENTER, FOREIGNER, LISTED, Country, asks, cut, heal, somebody

Answer = tuple[int, dict[str, Any]]


async def go(country: Country, http: httpx.AsyncClient, *bodies: dict[str, Any]) -> list[Answer]:
    """Let travellers through, as long as a lane takes at most."""
    calls = [asyncio.ensure_future(http.post("/travellers", json=body)) for body in bodies]
    await country.clock.advance(25)
    return [((await call).status_code, (await call).json()) for call in calls]


async def status(http: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await http.get("/status")).json()
    return answer


def test_a_traveller_whom_the_center_clears_is_admitted() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            assert await go(country, http, asks("c1")) == [
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
            assert await country.ledger() == {"c1": "autogate"}
            assert country.modes("autogate-cgk") == []

    run(story())


def test_a_lane_takes_as_long_for_a_crossing_every_time_and_within_its_bounds() -> None:
    async def story() -> None:
        country = Country()
        times = []
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            for crossing in ("c1", "c2", "c1"):
                call = asyncio.ensure_future(http.post("/travellers", json=asks(crossing)))
                took = 0.0
                while not call.done():
                    await country.clock.advance(0.5)
                    took += 0.5
                times.append(took)
        assert times[0] == times[2] != times[1]
        assert all(15 <= took <= 25 for took in times)

    run(story())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (asks("c1", LISTED), "watchlist"),
        (asks("c1", somebody(kind="visa", cancelled=True)), "document"),
        (asks("c1", mrz=["P<UTOERIKSSON", "L898902C3"]), "unreadable"),
    ],
)
def test_whom_an_officer_should_see_is_referred(body: dict[str, Any], reason: str) -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            answers = await go(country, http, body)
            assert answers == [(200, {"decision": "referred", "reason": reason})]
            assert await country.ledger() == {}

    run(story())


def test_travellers_wait_for_a_lane() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            bodies = [asks(f"c{n}") for n in range(4)]
            calls = [asyncio.ensure_future(http.post("/travellers", json=b)) for b in bodies]
            await settle()
            now = await status(http)
            assert (now["inside"], now["waiting"], now["quiescent"]) == (3, 1, False)
            await country.clock.advance(50)
            assert [(await call).status_code for call in calls] == [200] * 4
            assert (await status(http))["quiescent"]

    run(story())


def test_without_the_center_every_lane_closes_even_if_nobody_comes() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            await country.clock.advance(120)
            cut(country)
            await country.clock.advance(120)
            assert country.modes("autogate-cgk") == ["manual"]
            now = await status(http)
            assert (now["lanes"], now["share"], now["mode"]) == (0, 0, "manual")
            ((code, body),) = await go(country, http, asks("c1"))
            assert (code, body["error"], body["go_to"]) == (503, "closed", "counter-cgk")
            assert "does not answer" in body["reason"]

    run(story())


def test_whoever_waits_when_the_gate_closes_is_diverted_at_once() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            await country.clock.advance(60)
            bodies = [asks(f"c{n}") for n in range(5)]
            calls = [asyncio.ensure_future(http.post("/travellers", json=b)) for b in bodies]
            await settle()
            await http.put("/lanes", json={"share": 0, "reason": "drill"})
            await settle()
            assert [call.done() for call in calls] == [False] * 3 + [True] * 2
            await country.clock.advance(25)
            assert [(await call).status_code for call in calls] == [200] * 3 + [503] * 2

    run(story())


def test_a_gate_that_had_to_close_waits_for_permission() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            await country.clock.advance(60)
            cut(country)
            await country.clock.advance(120)
            early = await http.put("/lanes", json={"share": 1, "reason": "too early"})
            assert (early.status_code, early.json()["error"]) == (503, "blind")
            heal(country)
            await country.clock.advance(2 * 3600)
            now = await status(http)
            assert (now["lanes"], now["mode"]) == (0, "manual")
            assert "has not permitted it" in now["reason"]

            some = await http.put("/lanes", json={"share": 0.34, "reason": "stage autogate-cgk"})
            assert some.json() == {"share": 0.34, "lanes": 2, "mode": "mixed"}
            assert (await go(country, http, asks("c1")))[0][0] == 200
            await http.put("/lanes", json={"share": 1, "reason": "stage autogate-cgk"})
            assert (await status(http))["lanes"] == 3
            assert country.modes("autogate-cgk") == ["manual", "mixed", "automatic"]

    run(story())


def test_a_gate_closes_again_if_the_center_relapses() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            await country.clock.advance(60)
            await http.put("/lanes", json={"share": 0.34})
            cut(country)
            await country.clock.advance(120)
            assert country.modes("autogate-cgk") == ["mixed", "manual"]

    run(story())


def test_a_closed_admission_closes_the_gate_and_a_share_diverts_some() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, center, http):
            await country.clock.advance(60)
            await center.put("/admission", json={"share": 0.5, "reason": "recovery"})
            codes = [(await go(country, http, asks(f"c{n}")))[0][0] for n in range(2)]
            assert codes == [503, 503]  # the first is refused; the second respects Retry-After
            assert country.modes("autogate-cgk") == []
            await country.clock.advance(60)
            assert (await go(country, http, asks("c3")))[0][0] == 200
            await center.put("/admission", json={"share": 0, "reason": "relapse"})
            assert (await go(country, http, asks("c4")))[0][0] == 503
            assert country.modes("autogate-cgk") == ["manual"]

    run(story())


def test_a_crossing_whose_answer_was_lost_is_one_crossing_at_the_counter() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk", "counter-cgk") as (_, _, gate, desk):
            await country.clock.advance(60)
            country.network.lost = {"http://border"}
            ((code, body),) = await go(country, gate, asks("c1", FOREIGNER))
            assert (code, body["go_to"]) == (503, "counter-cgk")
            country.network.lost = set()
            await country.clock.advance(120)
            call = asyncio.ensure_future(desk.post("/travellers", json=asks("c1", FOREIGNER)))
            await country.clock.advance(50)
            assert (await call).json()["receipt"] == 1
            assert await country.ledger() == {"c1": "autogate"}

    run(story())


def test_one_answer_that_is_lost_closes_no_gate() -> None:
    async def story() -> None:
        country = Country()
        async with country.open(*CENTER, "autogate-cgk") as (_, _, http):
            await country.clock.advance(60)
            country.network.cut = {"http://watchlist"}
            call = asyncio.ensure_future(http.post("/travellers", json=asks("c1")))
            await country.clock.advance(2)
            country.network.cut = set()
            assert (await call).status_code == 503
            await country.clock.advance(600)
            assert country.modes("autogate-cgk") == []

    run(story())


def test_a_gate_that_starts_before_its_center_waits_instead_of_closing() -> None:
    async def story() -> None:
        country = Country()
        async with country.open("autogate-cgk") as (http,):
            await country.clock.advance(600)
            assert (await go(country, http, asks("c1")))[0][0] == 503
            async with country.open(*CENTER) as _:
                await country.clock.advance(120)
                assert country.modes("autogate-cgk") == []
                assert (await go(country, http, asks("c2")))[0][0] == 200

    run(story())


def test_a_gate_that_is_restarted_in_an_outage_does_not_open_alone() -> None:
    async def story() -> None:
        country = Country()
        async with country.open("autogate-cgk") as (http,):
            await country.clock.advance(3600)
            assert country.modes("autogate-cgk") == ["manual"]
            async with country.open(*CENTER) as _:
                await country.clock.advance(600)
                assert (await status(http))["lanes"] == 0

    run(story())


@pytest.mark.parametrize("share", [-0.1, 1.1, "all"])
def test_a_share_is_between_none_and_all(share: object) -> None:
    async def story() -> None:
        country = Country()
        async with country.open("autogate-cgk") as (http,):
            answer = await http.put("/lanes", json={"share": share})
            assert (answer.status_code, answer.json()["error"]) == (400, "body")

    run(story())
