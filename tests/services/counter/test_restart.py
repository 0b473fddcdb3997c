"""The state of a counter after a restart of its process."""

from services.kit.testing import run

from ..airport_system import CENTER, LISTED, AirportSystem, cut, heal, traveller_request
from .client import serve, without_wait


def test_a_restarted_counter_repeats_its_decisions() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER) as _:
            async with system.open("counter-cgk") as (http,):
                online = await serve(system, http, traveller_request("c1"), time=50)
                cut(system)
                await system.clock.advance(300)
                manual = await serve(system, http, traveller_request("c2"), time=150)
            async with system.open("counter-cgk") as (http,):
                await system.clock.advance(1)
                again = await serve(system, http, traveller_request("c2"), time=150)
                assert without_wait(again[0]) == without_wait(manual[0])
                heal(system)
                await system.clock.advance(900)
                again = await serve(system, http, traveller_request("c1"), time=150)
                assert without_wait(again[0]) == without_wait(online[0])
                assert system.journal.counts().total == 1
                assert await system.ledger() == {"c1": "counter", "c2": "late"}

    run(scenario())


def test_a_restarted_counter_has_its_snapshot_during_an_outage() -> None:
    async def scenario() -> None:
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

    run(scenario())


def test_a_counter_that_starts_before_the_data_center_stays_automatic() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open("counter-cgk") as _:
            await system.clock.advance(900)
            async with system.open(*CENTER) as _:
                await system.clock.advance(300)
                assert system.logs["counter-cgk"].named("breaker") == []
                assert system.modes("counter-cgk") == []
                assert system.logs["counter-cgk"].named("snapshot")

    run(scenario())


def test_a_counter_restarted_during_an_outage_soon_goes_manual() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        async with system.open(*CENTER, "counter-cgk") as _:
            await system.clock.advance(60)
        cut(system)
        async with system.open("counter-cgk") as _:
            await system.clock.advance(60)
            assert system.modes("counter-cgk") == ["manual"]

    run(scenario())
