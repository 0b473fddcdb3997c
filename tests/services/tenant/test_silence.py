"""A tenant that nobody visits takes itself for cut off."""

from services.kit.testing import run, running

from .rig import Rig, admission


def test_a_tenant_that_nobody_visits_closes_itself() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await rig.clock.advance(1740)
            assert rig.log.named("admission")[-1]["state"] == "open"
            await rig.clock.advance(120)
            state, reason = await admission(http)
            assert state == "closed"
            assert reason.startswith("silence")

    run(test())


def test_the_heartbeat_of_the_command_centre_keeps_a_door_open() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            for path in ["/ready", "/admission"] * 10:
                await http.get(path)
                await rig.clock.advance(900)
            assert (await admission(http))[0] == "open"

    run(test())


def test_health_checks_and_readers_of_the_books_are_nobody() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            for _ in range(4):
                for path in ["/health", "/status", "/entries"]:
                    await http.get(path)
                await rig.clock.advance(600)
            assert (await admission(http))[0] == "closed"

    run(test())
