"""A tenant whose storage fails: one error is reported, a loss closes the admission."""

from services.kit.testing import run, running

from .tenant_rig import Rig, admission, check, put


def test_one_storage_error_is_reported_and_closes_nothing() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            rig.storage.state = "down"
            answer = await check(http)
            assert (answer.status_code, answer.json()["error"]) == (503, "storage")
            assert answer.json()["retry_after"] == 5
            assert (await http.get("/ready")).status_code == 503
            rig.storage.state = "up"
            assert (await check(http)).status_code == 200
            await rig.clock.advance(60)
            assert (await admission(http))[0] == "open"

    run(test())


def test_lost_storage_closes_the_admission_until_it_is_opened_again() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            rig.storage.state = "down"
            await check(http)
            await rig.clock.advance(10)
            await check(http)
            state, reason = await admission(http)
            assert state == "closed"
            assert reason.startswith("storage lost")
            rig.storage.state = "up"
            await rig.clock.advance(600)
            assert (await http.get("/ready")).status_code == 200
            assert (await check(http)).json()["error"] == "admission"
            assert (await put(http, 1)).status_code == 200
            assert (await check(http)).status_code == 200

    run(test())


def test_lost_storage_is_detected_without_requests() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            rig.storage.state = "down"
            await rig.clock.advance(120)
            assert (await admission(http))[0] == "closed"

    run(test())


def test_storage_that_fails_intermittently_is_not_lost() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            for _ in range(10):
                rig.storage.state = "down"
                await check(http)
                await rig.clock.advance(4)
                rig.storage.state = "up"
                await check(http)
            assert (await admission(http))[0] == "open"

    run(test())


def test_without_storage_the_admission_can_be_closed_but_not_opened() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            rig.storage.state = "down"
            assert (await put(http, 0, "drill")).json()["state"] == "closed"
            assert (await put(http, 1)).json()["error"] == "storage"
            assert await admission(http) == ("closed", "drill")

    run(test())


def test_an_opening_with_unknown_outcome_does_not_open() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await put(http, 0, "drill")
            rig.storage.state = "answers lost"
            assert (await put(http, 1)).json()["error"] == "unsure"
            assert await admission(http) == ("closed", "drill")
            rig.storage.state = "up"
            await rig.clock.advance(120)
            stored = await rig.storage.registry.admission("watchlist")
            assert stored is not None
            assert (stored.share, stored.reason) == (0, "drill")

    run(test())
