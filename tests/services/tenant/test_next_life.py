"""How a tenant comes back after its process has ended."""

from services.kit.testing import run, running

from .rig import Rig, admission, check, put


def test_a_tenant_that_stumbles_comes_back_as_it_was() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await put(http, 0.5, "ramp")
            await rig.busy(http, 7200)
        await rig.clock.advance(600)
        async with running(rig.app()) as http:
            assert await admission(http) == ("share", "ramp")

    run(test())


def test_a_tenant_that_was_gone_for_long_comes_back_closed() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await rig.busy(http, 7200)
        await rig.clock.advance(3600)
        async with running(rig.app()) as http:
            assert await admission(http) == ("closed", "restarted")
            await put(http, 1)
        async with running(rig.app()) as http:
            assert await admission(http) == ("open", "plan")

    run(test())


def test_a_tenant_that_had_closed_comes_back_closed_for_the_same_reason() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await put(http, 0, "drill")
        async with running(rig.app()) as http:
            assert await admission(http) == ("closed", "drill")

    run(test())


def test_a_tenant_whose_registry_is_away_at_start_lives_and_comes_up_closed() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await check(http)
        rig.storage.state = "down"
        async with running(rig.app()) as http:
            assert (await http.get("/health")).status_code == 200
            assert (await check(http)).json()["error"] == "storage"
            assert (await http.get("/ready")).json()["error"] == "storage"
            assert (await put(http, 1)).status_code == 503
            assert "has not been reached yet: " in (await http.get("/ready")).json()["reason"]
            assert await admission(http) == ("closed", "starting")
            rig.storage.state = "up"
            await rig.clock.advance(10)
            assert await admission(http) == ("closed", "restarted")
            assert (await check(http)).json()["error"] == "admission"

    run(test())


def test_a_new_data_center_may_be_slow_to_come_up() -> None:
    async def test() -> None:
        rig = Rig()
        rig.storage.state = "down"
        async with running(rig.app()) as http:
            await rig.clock.advance(60)
            rig.storage.state = "up"
            await rig.clock.advance(10)
            assert await admission(http) == ("open", "undisturbed")

    run(test())


def test_a_door_that_was_closed_while_coming_up_stays_closed() -> None:
    async def test() -> None:
        rig = Rig()
        rig.storage.state = "down"
        async with running(rig.app()) as http:
            assert (await put(http, 0, "drill")).status_code == 200
            rig.storage.state = "up"
            await rig.clock.advance(10)
            assert await admission(http) == ("closed", "drill")

    run(test())
