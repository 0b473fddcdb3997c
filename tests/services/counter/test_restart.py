"""The state of a counter after a restart of its process."""

from services.kit.testing import run

from ..country import CENTER, LISTED, Country, asks, cut, heal
from .client import serve, without_wait


def test_a_restarted_counter_repeats_its_decisions() -> None:
    async def scenario() -> None:
        country = Country()
        async with country.open(*CENTER) as _:
            async with country.open("counter-cgk") as (http,):
                online = await serve(country, http, asks("c1"), time=50)
                cut(country)
                await country.clock.advance(300)
                manual = await serve(country, http, asks("c2"), time=150)
            async with country.open("counter-cgk") as (http,):
                await country.clock.advance(1)
                again = await serve(country, http, asks("c2"), time=150)
                assert without_wait(again[0]) == without_wait(manual[0])
                heal(country)
                await country.clock.advance(900)
                again = await serve(country, http, asks("c1"), time=150)
                assert without_wait(again[0]) == without_wait(online[0])
                assert country.journal.counts().total == 1
                assert await country.ledger() == {"c1": "counter", "c2": "late"}

    run(scenario())


def test_a_restarted_counter_has_its_snapshot_during_an_outage() -> None:
    async def scenario() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as _:
            await country.clock.advance(10)
        cut(country)
        async with country.open("counter-cgk") as (http,):
            await country.clock.advance(3600)
            held, admitted = await serve(country, http, asks("c1", LISTED), asks("c2"), time=300)
            assert (held["decision"], held["reason"]) == ("held", "watchlist")
            assert admitted["decision"] == "admitted"

    run(scenario())


def test_a_counter_that_starts_before_the_data_center_stays_automatic() -> None:
    async def scenario() -> None:
        country = Country()
        async with country.open("counter-cgk") as _:
            await country.clock.advance(900)
            async with country.open(*CENTER) as _:
                await country.clock.advance(300)
                assert country.logs["counter-cgk"].named("breaker") == []
                assert country.modes("counter-cgk") == []
                assert country.logs["counter-cgk"].named("snapshot")

    run(scenario())


def test_a_counter_restarted_during_an_outage_soon_goes_manual() -> None:
    async def scenario() -> None:
        country = Country()
        async with country.open(*CENTER, "counter-cgk") as _:
            await country.clock.advance(60)
        cut(country)
        async with country.open("counter-cgk") as _:
            await country.clock.advance(60)
            assert country.modes("counter-cgk") == ["manual"]

    run(scenario())
