"""What a tenant tells about the requests that reach it."""

import asyncio

from services.kit.testing import run, run_until_idle, running

from .rig import Rig, check, put


def test_gauges_count_what_came_and_what_became_of_it() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await check(http)
            await http.get("/check")  # a wrong question is answered, too
            rig.storage.state = "down"
            await check(http)
            rig.storage.state = "up"
            await put(http, 0.5)
            await check(http)
            await check(http)
            for path in ["/health", "/status", "/ready", "/admission", "/entries"]:
                await http.get(path)
            await rig.clock.advance(60)
            status = (await http.get("/status")).json()
        expected = {"received": 5, "served": 3, "refused": 1, "failed": 1}
        assert {name: status[name] for name in expected} == expected
        gauge = rig.log.named("gauge")[-1]
        assert {name: gauge[name] for name in expected} == expected

    run(test())


def test_a_tenant_is_quiescent_when_nothing_is_under_way() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await rig.clock.advance(1)
            assert (await http.get("/status")).json()["quiescent"]
            rig.storage.state = "down"
            await put(http, 0)
            assert not (await http.get("/status")).json()["quiescent"]
            rig.storage.state = "up"
            await rig.clock.advance(120)
            assert (await http.get("/status")).json()["quiescent"]

    run(test())


def test_a_request_under_way_is_not_quiescent() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            gate = asyncio.Event()
            plain = rig.storage._inner.is_listed

            async def slow(document: str) -> bool:
                await gate.wait()
                return await plain(document)

            rig.storage._inner.is_listed = slow  # type: ignore[method-assign]
            asked = asyncio.ensure_future(check(http))
            await run_until_idle()
            assert not (await http.get("/status")).json()["quiescent"]
            gate.set()
            assert (await asked).status_code == 200

    run(test())
