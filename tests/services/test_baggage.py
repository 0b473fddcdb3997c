"""Bags are claimed once each, and are lined up when the immigration queue is too long."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from services.kit.testing import run

from .airport_system import CENTER, AirportSystem, traveller_request

TAGS = ["0999000001", "0999000002", "0999000003"]


def with_hall(body: Callable[[AirportSystem, httpx.AsyncClient], Awaitable[None]]) -> None:
    """Run `body` with a claim hall where the bags of one flight have arrived."""

    async def test() -> None:
        system = AirportSystem()
        async with system.open("baggage-cgk") as (http,):
            added = await http.post("/flights/XX1", json={"tags": TAGS})
            assert added.status_code == 201
            await body(system, http)

    run(test())


def test_a_bag_can_be_claimed_by_one_passenger_only() -> None:
    async def body(_system: AirportSystem, http: httpx.AsyncClient) -> None:
        url = f"/bags/{TAGS[0]}/claim"
        expected = {"tag": TAGS[0], "passenger": "c1", "from": "belt"}
        for _ in range(2):
            answer = await http.post(url, json={"passenger": "c1"})
            assert (answer.status_code, answer.json()) == (200, expected)
        other = await http.post(url, json={"passenger": "c2"})
        assert (other.status_code, other.json()["error"]) == (409, "conflict")
        unknown = await http.post("/bags/0000000000/claim", json={"passenger": "c1"})
        assert unknown.status_code == 404

    with_hall(body)


def test_bags_that_are_announced_twice_are_registered_once() -> None:
    async def body(_system: AirportSystem, http: httpx.AsyncClient) -> None:
        await http.post("/flights/XX1", json={"tags": [*TAGS, "0999000004"]})
        first = (await http.get("/bags?limit=3")).json()
        assert [bag["tag"] for bag in first["items"]] == TAGS
        second = (await http.get(first["next"])).json()
        assert second == {
            "items": [{"tag": "0999000004", "flight": "XX1", "place": "belt", "passenger": None}],
            "next": None,
        }

    with_hall(body)


def test_a_flight_with_an_invalid_tag_or_another_flights_bag_adds_no_bag() -> None:
    async def body(_system: AirportSystem, http: httpx.AsyncClient) -> None:
        for tag, code in (("123", 400), ("٠١٢٣٤٥٦٧٨٩", 400), (TAGS[0], 409)):
            answer = await http.post("/flights/XX2", json={"tags": ["0999000009", tag]})
            assert answer.status_code == code
        assert len((await http.get("/bags")).json()["items"]) == 3

    with_hall(body)


def test_bags_are_lined_up_when_the_queue_is_long() -> None:
    async def test() -> None:
        system = AirportSystem(env={"LINE_UP_AFTER": "900"})
        names = (*CENTER, "counter-cgk", "baggage-cgk")
        async with system.open(*names) as (_, _, counter, http):
            await http.post("/flights/XX1", json={"tags": TAGS})
            await http.post(f"/bags/{TAGS[0]}/claim", json={"passenger": "c0"})
            await system.clock.advance(120)
            assert system.logs["baggage-cgk"].named("lineup") == []
            calls = [
                asyncio.ensure_future(counter.post("/travellers", json=traveller_request(f"c{n}")))
                for n in range(60)
            ]
            await system.clock.advance(60)
            (event,) = system.logs["baggage-cgk"].named("lineup")
            assert (event["flight"], event["bags"]) == ("XX1", 2)
            for tag, place in zip(TAGS, ("belt", "line", "line"), strict=True):
                passenger = "c0" if tag == TAGS[0] else tag
                claimed = await http.post(f"/bags/{tag}/claim", json={"passenger": passenger})
                assert claimed.json()["from"] == place
            await system.clock.advance(1500)
            assert all(call.done() for call in calls)

    run(test())


def test_a_counter_that_does_not_answer_for_too_long_counts_as_delayed() -> None:
    async def body(system: AirportSystem, http: httpx.AsyncClient) -> None:
        await system.clock.advance(840)
        assert system.logs["baggage-cgk"].named("lineup") == []
        await system.clock.advance(240)
        assert len(system.logs["baggage-cgk"].named("lineup")) == 1
        status = (await http.get("/status")).json()
        assert (status["belt"], status["line"], status["quiescent"]) == (0, 3, True)

    with_hall(body)


def test_the_counter_is_not_polled_while_no_bag_is_on_the_belt() -> None:
    async def test() -> None:
        system = AirportSystem()
        async with system.open("baggage-cgk") as _:
            await system.clock.advance(3600)
            assert system.logs["baggage-cgk"].named("breaker") == []

    run(test())
