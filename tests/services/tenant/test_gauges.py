"""A tenant's counters of requests, and when it is quiescent."""

import asyncio

from services.kit.testing import run, run_until_idle, running

from .tenant_rig import Rig, check, put


def test_gauges_count_requests_by_result() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await check(http)
            await http.get("/check")  # a client error counts as served
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


def test_a_tenant_is_quiescent_when_its_admission_is_stored() -> None:
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


def test_a_tenant_with_a_request_in_flight_is_not_quiescent() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            release = asyncio.Event()
            original = rig.storage._inner.is_listed

            async def slow(document: str) -> bool:
                await release.wait()
                return await original(document)

            rig.storage._inner.is_listed = slow  # type: ignore[method-assign]
            request = asyncio.ensure_future(check(http))
            await run_until_idle()
            assert not (await http.get("/status")).json()["quiescent"]
            release.set()
            assert (await request).status_code == 200

    run(test())
