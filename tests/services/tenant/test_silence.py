"""A tenant without callers closes its admission."""

from services.kit.testing import run, running

from .tenant_rig import Rig, admission


def test_a_tenant_without_callers_closes_its_admission() -> None:
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


def test_heartbeats_of_the_command_centre_keep_the_admission_open() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            for path in ["/ready", "/admission"] * 10:
                await http.get(path)
                await rig.clock.advance(900)
            assert (await admission(http))[0] == "open"

    run(test())


def test_health_checks_and_paged_reads_do_not_count_as_callers() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            for _ in range(4):
                for path in ["/health", "/status", "/entries"]:
                    await http.get(path)
                await rig.clock.advance(600)
            assert (await admission(http))[0] == "closed"

    run(test())
