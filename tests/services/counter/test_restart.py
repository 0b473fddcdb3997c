"""What a counter knows after its process has ended."""

from services.kit.testing import run

from ..airport_system import CENTER, LISTED, AirportSystem, cut, heal, traveller_request
from .desk import serve, without_wait


def test_a_restarted_counter_knows_what_it_decided() -> None:
    async def story() -> None:
        system = AirportSystem()
        async with system.open(*CENTER) as _:
            async with system.open("counter-cgk") as (http,):
                online = await serve(system, http, traveller_request("c1"), time=50)
                cut(system)
                await system.clock.advance(300)
                by_hand = await serve(system, http, traveller_request("c2"), time=150)
            async with system.open("counter-cgk") as (http,):
                await system.clock.advance(1)
                again = await serve(system, http, traveller_request("c2"), time=150)
                assert without_wait(again[0]) == without_wait(by_hand[0])
                heal(system)
                await system.clock.advance(900)
                again = await serve(system, http, traveller_request("c1"), time=150)
                assert without_wait(again[0]) == without_wait(online[0])
                assert system.journal.counts().total == 1
                assert await system.ledger() == {"c1": "counter", "c2": "late"}

    run(story())


def test_a_restarted_counter_has_the_snapshot_although_the_center_is_away() -> None:
    async def story() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as _:
            await system.clock.advance(10)
        cut(system)
        async with system.open("counter-cgk") as (http,):
            await system.clock.advance(3600)
            held, admitted = await serve(
                system, http, traveller_request("c1", LISTED), traveller_request("c2"), time=300
            )
            assert (held["decision"], held["reason"]) == ("held", "watchlist")
            assert admitted["decision"] == "admitted"

    run(story())


def test_a_counter_that_starts_before_its_center_is_not_in_an_outage() -> None:
    async def story() -> None:
        system = AirportSystem()
        async with system.open("counter-cgk") as _:
            await system.clock.advance(900)
            async with system.open(*CENTER) as _:
                await system.clock.advance(300)
                assert system.logs["counter-cgk"].named("breaker") == []
                assert system.modes("counter-cgk") == []
                assert system.logs["counter-cgk"].named("snapshot")

    run(story())


def test_a_counter_that_is_restarted_in_an_outage_knows_it_soon() -> None:
    async def story() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as _:
            await system.clock.advance(60)
        cut(system)
        async with system.open("counter-cgk") as _:
            await system.clock.advance(60)
            assert system.modes("counter-cgk") == ["manual"]

    run(story())
