"""The admission of a tenant after a restart of its process."""

from services.kit.testing import run, running

from .tenant_rig import Rig, admission, check, put


def test_a_tenant_that_restarts_soon_keeps_its_admission() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await put(http, 0.5, "ramp")
            await rig.advance_with_requests(http, 7200)
        await rig.clock.advance(600)
        async with running(rig.app()) as http:
            assert await admission(http) == ("share", "ramp")

    run(test())


def test_a_tenant_that_was_down_for_long_starts_closed() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await rig.advance_with_requests(http, 7200)
        await rig.clock.advance(3600)
        async with running(rig.app()) as http:
            assert await admission(http) == ("closed", "restarted")
            await put(http, 1)
        async with running(rig.app()) as http:
            assert await admission(http) == ("open", "plan")

    run(test())


def test_a_closed_tenant_starts_closed_with_the_same_reason() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await put(http, 0, "drill")
        async with running(rig.app()) as http:
            assert await admission(http) == ("closed", "drill")

    run(test())


def test_a_tenant_that_cannot_reach_its_registry_starts_and_then_closes() -> None:
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


def test_a_new_data_center_with_a_slow_registry_opens() -> None:
    async def test() -> None:
        rig = Rig()
        rig.storage.state = "down"
        async with running(rig.app()) as http:
            await rig.clock.advance(60)
            rig.storage.state = "up"
            await rig.clock.advance(10)
            assert await admission(http) == ("open", "undisturbed")

    run(test())


def test_an_admission_closed_during_the_start_stays_closed() -> None:
    async def test() -> None:
        rig = Rig()
        rig.storage.state = "down"
        async with running(rig.app()) as http:
            assert (await put(http, 0, "drill")).status_code == 200
            rig.storage.state = "up"
            await rig.clock.advance(10)
            assert await admission(http) == ("closed", "drill")

    run(test())
