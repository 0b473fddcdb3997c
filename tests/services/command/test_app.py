"""The command centre with stub targets, from the outage to the all-clear."""

import json
from itertools import pairwise
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.command import PlanError, create
from services.kit.testing import Events, Network, fake_world, run, running

from .floored_clock import FlooredClock

TENANTS = ("watchlist", "border", "visa", "stay-permit", "passport")
GATES = ("autogate-cgk", "autogate-dps")
DESKS = ("counter-cgk", "counter-dps", "counter-sub", "office")


class StubTarget:
    """One stub service; tests change its fields."""

    def __init__(self, system: "StubSystem", name: str) -> None:
        self.system, self.name = system, name
        self.share = 1.0
        self.storage = True
        self.reason = "as ordered"
        self.mode = "automatic"
        self.backlog = 0
        self.surge = False
        routes = [Route("/status", self.status)]
        if name in TENANTS:
            routes += [
                Route("/ready", self.ready),
                Route("/admission", self.admission, methods=["GET", "PUT"]),
            ]
        elif name in GATES:
            routes.append(Route("/lanes", self.admission, methods=["PUT"]))
        else:
            routes.append(Route("/surge", self.all_desks, methods=["PUT"]))
        self.app = Starlette(routes=routes)

    async def status(self, _request: Request) -> Response:
        if self.name in TENANTS:
            return JSONResponse({"received": 10, "served": 10, "refused": 0, "failed": 0})
        body: dict[str, Any] = {"mode": self.mode}
        if self.name in GATES:
            body["share"] = self.share
        else:
            body |= {"backlog": self.backlog, "surge": self.surge}
        return JSONResponse(body)

    async def ready(self, _request: Request) -> Response:
        if self.storage:
            return JSONResponse({"storage": True})
        return JSONResponse({"error": "storage", "reason": "gone", "retry_after": 9e9}, 503)

    async def admission(self, request: Request) -> Response:
        if request.method == "PUT":
            self.share = (await request.json())["share"]
            self.mode = "automatic" if self.share else "manual"
            self.system.orders.append((self.name, self.share))
        return JSONResponse({"share": self.share, "reason": self.reason})

    async def all_desks(self, request: Request) -> Response:
        self.surge = (await request.json())["open"]
        self.system.orders.append((self.name, self.surge))
        return JSONResponse({"open": self.surge})


class StubSystem:
    """All stub targets, and the world of the command centre."""

    def __init__(self) -> None:
        self.clock, self.log, self.network = FlooredClock(300), Events(), Network()
        self.orders: list[tuple[str, float]] = []
        self.targets = {name: StubTarget(self, name) for name in (*TENANTS, *GATES, *DESKS)}
        for name, target in self.targets.items():
            self.network.apps[f"http://{name}"] = target.app
        self.env = {"TARGETS": json.dumps({name: f"http://{name}" for name in self.targets})}

    def create(self) -> Starlette:
        return create(
            fake_world("command", self.env, clock=self.clock, log=self.log, network=self.network)
        )

    def cut_the_data_center(self) -> None:
        self.network.cut = {f"http://{name}" for name in TENANTS}
        for name in GATES:
            self.targets[name].mode, self.targets[name].share = "manual", 0.0
        for name in DESKS:
            self.targets[name].mode, self.targets[name].backlog = "manual", 40

    async def run_rounds(self, count: int) -> None:
        """Run rounds; counters replay four records a round while the data center is open."""
        for _ in range(count):
            await self.clock.advance(300)
            for name in DESKS:
                desk = self.targets[name]
                if desk.backlog and self.targets["border"].share == 1 and not self.network.cut:
                    desk.backlog -= 4
                    desk.mode = "mixed" if desk.backlog else "automatic"

    def stages(self) -> list[tuple[object, object, object]]:
        return [(e["stage"], e["state"], e["share"]) for e in self.log.named("stage")]

    def notices(self) -> list[object]:
        return [e["state"] for e in self.log.named("notice")]


async def get(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    response = await http.get(path)
    assert response.status_code == 200
    return msgspec.json.decode(response.content, type=dict[str, Any])


def test_a_healthy_system_gets_no_orders_and_no_notices() -> None:
    async def test() -> None:
        system = StubSystem()
        async with running(system.create()) as http:
            assert (await get(http, "/status"))["quiescent"] is True
            await system.run_rounds(50)
            assert system.orders == []
            assert [e["event"] for e in system.log.all if e["event"] != "gauge"] == ["plan"]
            assert system.log.named("gauge")[-1]["done"] == 10
            plan = system.log.named("plan")[0]["stages"]
            assert isinstance(plan, dict)
            assert plan["border"] == ("watchlist",)
            status = await get(http, "/status")
            assert status["mode"] == "automatic"
            assert status["waiting"] == {}

    run(test())


def test_an_outage_of_the_data_center_from_loss_to_all_clear() -> None:
    async def test() -> None:
        system = StubSystem()
        async with running(system.create()) as http:
            await system.run_rounds(2)
            system.cut_the_data_center()
            await system.run_rounds(2)
            # The gates closed themselves, which shows at once. The rest takes a second probe.
            assert system.notices()[0] == "disruption"
            assert {stage for stage, state, _ in system.stages() if state == "closed"} == set(
                (await get(http, "/status"))["waiting"]
            )
            assert sorted(system.orders) == [(d, True) for d in DESKS[:3]]
            system.orders.clear()
            await system.run_rounds(150)
            times = [e["issued_at"] for e in (await get(http, "/notices"))["items"]]
            assert len(times) >= 3
            assert max(b - a for a, b in pairwise(times)) <= 21600
            assert system.orders == []
            plan = {s["stage"]: s for s in (await get(http, "/plan"))["stages"]}
            assert plan["watchlist"]["reason"] == "watchlist is unreachable"
            assert plan["passport"]["reason"] == "waiting for visa"
            assert (await get(http, "/status"))["mode"] == "manual"

            system.network.cut = set()  # the data center is back, its admissions still open
            await system.run_rounds(1)
            assert system.orders == [
                (name, 0.0) for name in ("passport", "stay-permit", "visa", "border", "watchlist")
            ]
            system.orders.clear()
            await system.run_rounds(20)
            opened = [(n, s) for n, s in system.orders if n in (*TENANTS, *GATES)]
            assert [s for n, s in opened if n == "border"] == [0.25, 0.5, 1.0]
            last = [n for n, s in opened if s == 1.0]
            assert last.index("watchlist") < last.index("border") < last.index("autogate-cgk")
            assert last.index("autogate-cgk") < last.index("autogate-dps")
            assert last.index("stay-permit") < last.index("passport")
            assert len(opened) == len(set(opened)), "no order is sent twice"
            assert system.notices()[-1] == "all-clear"
            assert all(e["gate"] for e in system.log.named("stage"))
            await system.run_rounds(1)
            assert system.orders[-3:] == [(d, False) for d in DESKS[:3]]
            status = await get(http, "/status")
            assert (status["mode"], status["quiescent"]) == ("automatic", True)
            system.log.all.clear()
            system.orders.clear()
            await system.run_rounds(50)
            assert (system.log.all, system.orders) == ([], [])

    run(test())


def test_a_cut_link_of_the_command_centre_alone_closes_nothing() -> None:
    async def test() -> None:
        system = StubSystem()
        async with running(system.create()) as http:
            await system.run_rounds(2)
            system.network.cut = {"http://visa"}
            await system.run_rounds(10)
            assert system.orders == []
            assert system.stages() == []
            assert system.notices() == ["disruption"]
            text = system.log.named("notice")[0]["texts"]
            assert isinstance(text, dict)
            assert "Not confirmed: visas." in text["en"]
            assert "Belum dapat dipastikan: visa." in text["id"]
            system.network.cut = set()
            await system.run_rounds(2)
            assert system.notices() == ["disruption", "all-clear"]
            assert system.orders == []
            assert (await get(http, "/status"))["quiescent"] is True

    run(test())


def test_a_tenant_without_storage_is_closed_despite_its_retry_after() -> None:
    async def test() -> None:
        system = StubSystem()
        async with running(system.create()):
            await system.run_rounds(2)
            system.targets["visa"].storage = False
            await system.run_rounds(3)
            assert system.orders == [("visa", 0.0)]
            assert system.stages() == [("visa", "closed", 0.0)]
            system.targets["visa"].storage = True
            await system.run_rounds(6)
            assert system.orders == [("visa", 0.0), ("visa", 0.5), ("visa", 1.0)]
            assert system.notices() == ["disruption", "progress", "all-clear"]

    run(test())


def test_a_tenant_that_is_starting_is_no_incident() -> None:
    async def test() -> None:
        system = StubSystem()
        border = system.targets["border"]
        border.share, border.storage, border.reason = 0.0, False, "starting"
        async with running(system.create()) as http:
            await system.run_rounds(3)
            assert (await get(http, "/status"))["quiescent"] is False
            border.share, border.storage, border.reason = 1.0, True, "undisturbed"
            await system.run_rounds(3)
            assert (await get(http, "/status"))["quiescent"] is True
            assert (system.notices(), system.stages(), system.orders) == ([], [], [])

    run(test())


def test_a_restart_during_recovery_continues_it_and_opens_nothing_by_itself() -> None:
    async def test() -> None:
        system = StubSystem()
        async with running(system.create()):
            await system.run_rounds(2)
            system.cut_the_data_center()
            await system.run_rounds(3)
            system.network.cut = set()
            await system.run_rounds(5)
        shares = {name: system.targets[name].share for name in TENANTS}
        assert shares["watchlist"] == 1.0
        assert 0 < shares["border"] < 1
        system.log.all.clear()
        system.orders.clear()
        async with running(system.create()) as http:
            assert system.orders == []
            notice = system.log.named("notice")[0]
            assert isinstance(notice["texts"], dict)
            assert "it continues to handle the disruption" in notice["texts"]["en"]
            assert ("border", "dwelling", shares["border"]) in system.stages()
            await system.run_rounds(20)
            assert system.notices()[-1] == "all-clear"
            assert {t.share for n, t in system.targets.items() if n in TENANTS} == {1.0}
            assert not any(system.targets[name].surge for name in DESKS)
            assert (await get(http, "/status"))["quiescent"] is True

    run(test())


def test_a_plan_that_names_a_service_without_an_address_is_refused_at_the_start() -> None:
    world = fake_world("command", {"TARGETS": '{"border": "http://border"}'})
    with pytest.raises(PlanError, match="TARGETS has no address for autogate-cgk, autogate-dps"):
        create(world)
    with pytest.raises(PlanError, match="TARGETS: "):
        create(fake_world("command", {"TARGETS": "[]"}))
