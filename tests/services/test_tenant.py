"""Admission, isolation and coming back: what all tenants of the data center do alike."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette

from services import watchlist
from services.kit.testing import (
    Events,
    FakeClock,
    MoodyRegistry,
    fake_world,
    run,
    running,
    settle,
)


class Rig:
    """A watchlist on a registry that outlives it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.log = Events()
        self.storage = MoodyRegistry()

    def app(self, env: Mapping[str, str] | None = None) -> Starlette:
        return watchlist.create(
            fake_world(
                "watchlist",
                {"SNAPSHOT_KEY": "key", "STORAGE_TIMEOUT": "5", "SILENCE": "1800", **(env or {})},
                clock=self.clock,
                log=self.log,
                registry=self.storage.registry,
            )
        )

    async def busy(self, http: httpx.AsyncClient, seconds: float) -> None:
        """Let time pass with somebody coming now and then."""
        for _ in range(int(seconds // 600)):
            await check(http)
            await self.clock.advance(600)


async def check(http: httpx.AsyncClient) -> httpx.Response:
    return await http.get("/check", params={"document": "X1234567"})


async def admission(http: httpx.AsyncClient) -> tuple[str, str]:
    told = (await http.get("/admission")).json()
    assert told["state"] == {0: "closed", 1: "open"}.get(told["share"], "share")
    return told["state"], told["reason"]


async def put(http: httpx.AsyncClient, share: float, reason: str = "plan") -> httpx.Response:
    return await http.put("/admission", json={"share": share, "reason": reason})


# ---- admission ----------------------------------------------------------------------------------


def test_a_data_center_that_was_never_disturbed_is_open() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            assert await admission(http) == ("open", "undisturbed")
            assert (await check(http)).json() == {"listed": False, "source": "central"}

    run(test())


def test_a_closed_door_says_when_to_come_back() -> None:
    async def test() -> None:
        async with running(Rig().app()) as http:
            await put(http, 0, "maintenance")
            answer = await check(http)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "60"
            assert answer.json() == {
                "error": "admission",
                "state": "closed",
                "reason": "maintenance",
                "retry_after": 60,
            }

    run(test())


@pytest.mark.parametrize(
    ("share", "passed"),
    [
        (0.25, [4, 8, 12]),
        (0.5, [2, 4, 6, 8, 10, 12]),
        (0.75, [2, 3, 4, 6, 7, 8, 10, 11, 12]),
        (0.1, [10]),
    ],
)
def test_a_share_lets_in_evenly_and_always_the_same(share: float, passed: list[int]) -> None:
    async def test() -> None:
        async with running(Rig().app()) as http:
            for _ in range(2):
                await put(http, 0)
                await put(http, share)
                assert await admission(http) == ("share", "plan")
                answers = [(await check(http)).status_code for _ in range(12)]
                assert [n for n, code in enumerate(answers, 1) if code == 200] == passed

    run(test())


@pytest.mark.parametrize("body", [{}, {"share": 2}, {"share": -0.1}, {"share": "half"}])
def test_a_share_that_cannot_be_changes_nothing(body: dict[str, object]) -> None:
    async def test() -> None:
        async with running(Rig().app()) as http:
            assert (await http.put("/admission", json=body)).status_code == 400
            assert (await admission(http))[0] == "open"

    run(test())


def test_readiness_pages_and_operators_are_not_subject_to_admission() -> None:
    async def test() -> None:
        async with running(Rig().app()) as http:
            await put(http, 0)
            assert (await http.get("/ready")).json() == {"storage": True}
            assert (await http.get("/entries")).status_code == 200
            entry = {"document": "X0000001", "reason": "warrant"}
            assert (await http.post("/entries", json=entry)).status_code == 201
            assert (await http.get("/snapshot")).status_code == 503

    run(test())


def test_each_change_is_an_event() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await put(http, 0, "drill")
            await put(http, 0, "drill")
            await put(http, 0.5, "ramp")
        told = [(one["state"], one["share"], one["reason"]) for one in rig.log.named("admission")]
        assert told == [("open", 1, "undisturbed"), ("closed", 0, "drill"), ("share", 0.5, "ramp")]

    run(test())


# ---- storage ------------------------------------------------------------------------------------


def test_one_answer_that_fails_is_told_and_closes_nothing() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            rig.storage.mood = "away"
            answer = await check(http)
            assert (answer.status_code, answer.json()["error"]) == (503, "storage")
            assert answer.json()["retry_after"] == 5
            assert (await http.get("/ready")).status_code == 503
            rig.storage.mood = "well"
            assert (await check(http)).status_code == 200
            await rig.clock.advance(60)
            assert (await admission(http))[0] == "open"

    run(test())


def test_lost_storage_closes_the_door_until_somebody_opens_it() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            rig.storage.mood = "away"
            await check(http)
            await rig.clock.advance(10)
            await check(http)
            state, reason = await admission(http)
            assert state == "closed"
            assert reason.startswith("storage lost")
            rig.storage.mood = "well"
            await rig.clock.advance(600)
            assert (await http.get("/ready")).status_code == 200
            assert (await check(http)).json()["error"] == "admission"
            assert (await put(http, 1)).status_code == 200
            assert (await check(http)).status_code == 200

    run(test())


def test_lost_storage_is_noticed_although_nobody_asks() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            rig.storage.mood = "away"
            await rig.clock.advance(120)
            assert (await admission(http))[0] == "closed"

    run(test())


def test_storage_that_answers_now_and_then_is_slow_and_not_lost() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            for _ in range(10):
                rig.storage.mood = "away"
                await check(http)
                await rig.clock.advance(4)
                rig.storage.mood = "well"
                await check(http)
            assert (await admission(http))[0] == "open"

    run(test())


def test_a_door_is_not_opened_onto_lost_storage_but_can_always_be_closed() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            rig.storage.mood = "away"
            assert (await put(http, 0, "drill")).json()["state"] == "closed"
            assert (await put(http, 1)).json()["error"] == "storage"
            assert await admission(http) == ("closed", "drill")

    run(test())


def test_an_opening_that_may_not_have_been_kept_does_not_open() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await put(http, 0, "drill")
            rig.storage.mood = "unsure"
            assert (await put(http, 1)).json()["error"] == "unsure"
            assert await admission(http) == ("closed", "drill")
            rig.storage.mood = "well"
            await rig.clock.advance(120)
            kept = await rig.storage.registry.admission("watchlist")
            assert kept is not None
            assert (kept.share, kept.reason) == (0, "drill")

    run(test())


# ---- silence ------------------------------------------------------------------------------------


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


# ---- the next life ------------------------------------------------------------------------------


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
        rig.storage.mood = "away"
        async with running(rig.app()) as http:
            assert (await http.get("/health")).status_code == 200
            assert (await check(http)).json()["error"] == "storage"
            assert (await http.get("/ready")).json()["error"] == "storage"
            assert (await put(http, 1)).status_code == 503
            state, reason = await admission(http)
            assert state == "closed"
            assert reason.startswith("restarted")
            rig.storage.mood = "well"
            await rig.clock.advance(10)
            assert await admission(http) == ("closed", "restarted")
            assert (await check(http)).json()["error"] == "admission"

    run(test())


def test_a_new_data_center_may_be_slow_to_come_up() -> None:
    async def test() -> None:
        rig = Rig()
        rig.storage.mood = "away"
        async with running(rig.app()) as http:
            await rig.clock.advance(60)
            rig.storage.mood = "well"
            await rig.clock.advance(10)
            assert await admission(http) == ("open", "undisturbed")

    run(test())


def test_a_door_that_was_closed_while_coming_up_stays_closed() -> None:
    async def test() -> None:
        rig = Rig()
        rig.storage.mood = "away"
        async with running(rig.app()) as http:
            assert (await put(http, 0, "drill")).status_code == 200
            rig.storage.mood = "well"
            await rig.clock.advance(10)
            assert await admission(http) == ("closed", "drill")

    run(test())


# ---- what it tells ------------------------------------------------------------------------------


def test_gauges_count_what_came_and_what_became_of_it() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            await check(http)
            await http.get("/check")  # a wrong question is answered, too
            rig.storage.mood = "away"
            await check(http)
            rig.storage.mood = "well"
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
            rig.storage.mood = "away"
            await put(http, 0)
            assert not (await http.get("/status")).json()["quiescent"]
            rig.storage.mood = "well"
            await rig.clock.advance(120)
            assert (await http.get("/status")).json()["quiescent"]

    run(test())


def test_a_request_under_way_is_not_quiescent() -> None:
    async def test() -> None:
        rig = Rig()
        async with running(rig.app()) as http:
            gate = asyncio.Event()
            plain = rig.storage._inner.listed

            async def slow(document: str) -> bool:
                await gate.wait()
                return await plain(document)

            rig.storage._inner.listed = slow  # type: ignore[method-assign]
            asked = asyncio.ensure_future(check(http))
            await settle()
            assert not (await http.get("/status")).json()["quiescent"]
            gate.set()
            assert (await asked).status_code == 200

    run(test())
