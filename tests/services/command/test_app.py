"""The command centre on a network of small stand-ins, from the loss to the all-clear."""

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

from .brisk import Brisk

TENANTS = ("watchlist", "border", "visa", "stay-permit", "passport")
GATES = ("autogate-cgk", "autogate-dps")
DESKS = ("counter-cgk", "counter-dps", "counter-sub", "office")


class Target:
    """One stand-in; tests change its fields."""

    def __init__(self, city: "City", name: str) -> None:
        self.city, self.name = city, name
        self.share = 1.0
        self.storage = True
        self.said = "as told"
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
            self.city.orders.append((self.name, self.share))
        return JSONResponse({"share": self.share, "reason": self.said})

    async def all_desks(self, request: Request) -> Response:
        self.surge = (await request.json())["open"]
        self.city.orders.append((self.name, self.surge))
        return JSONResponse({"open": self.surge})


class City:
    """All stand-ins, and the command centre's own surroundings."""

    def __init__(self) -> None:
        self.clock, self.log, self.network = Brisk(300), Events(), Network()
        self.orders: list[tuple[str, float]] = []
        self.targets = {name: Target(self, name) for name in (*TENANTS, *GATES, *DESKS)}
        for name, target in self.targets.items():
            self.network.apps[f"http://{name}"] = target.app
        self.env = {"TARGETS": json.dumps({name: f"http://{name}" for name in self.targets})}

    def create(self) -> Starlette:
        return create(
            fake_world("command", self.env, clock=self.clock, log=self.log, network=self.network)
        )

    def lose_the_data_center(self) -> None:
        self.network.cut = {f"http://{name}" for name in TENANTS}
        for name in GATES:
            self.targets[name].mode, self.targets[name].share = "manual", 0.0
        for name in DESKS:
            self.targets[name].mode, self.targets[name].backlog = "manual", 40

    async def pass_rounds(self, count: int) -> None:
        """Counters whose data center is open enter four records a round."""
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


async def told(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    response = await http.get(path)
    assert response.status_code == 200
    return msgspec.json.decode(response.content, type=dict[str, Any])


def test_a_normal_day_passes_without_an_order_or_a_word() -> None:
    async def test() -> None:
        city = City()
        async with running(city.create()) as http:
            assert (await told(http, "/status"))["quiescent"] is True
            await city.pass_rounds(50)
            assert city.orders == []
            assert [e["event"] for e in city.log.all if e["event"] != "gauge"] == ["plan"]
            assert city.log.named("gauge")[-1]["done"] == 10
            plan = city.log.named("plan")[0]["stages"]
            assert isinstance(plan, dict)
            assert plan["border"] == ("watchlist",)
            status = await told(http, "/status")
            assert status["mode"] == "automatic"
            assert status["waiting"] == {}

    run(test())


def test_the_days_of_june_2024() -> None:
    async def test() -> None:
        city = City()
        async with running(city.create()) as http:
            await city.pass_rounds(2)
            city.lose_the_data_center()
            await city.pass_rounds(2)
            # The gates closed themselves: that shows at once, the rest with the second probe.
            assert city.notices()[0] == "disruption"
            assert {stage for stage, state, _ in city.stages() if state == "closed"} == set(
                (await told(http, "/status"))["waiting"]
            )
            assert sorted(city.orders) == [(d, True) for d in DESKS[:3]]
            city.orders.clear()
            await city.pass_rounds(150)
            times = [e["issued_at"] for e in (await told(http, "/notices"))["items"]]
            assert len(times) >= 3
            assert max(b - a for a, b in pairwise(times)) <= 21600
            assert city.orders == []
            plan = {s["stage"]: s for s in (await told(http, "/plan"))["stages"]}
            assert plan["watchlist"]["reason"] == "watchlist is out of reach"
            assert plan["passport"]["reason"] == "waits for visa"
            assert (await told(http, "/status"))["mode"] == "manual"

            city.network.cut = set()  # the data center is back, its doors still open
            await city.pass_rounds(1)
            assert city.orders == [
                (name, 0.0) for name in ("passport", "stay-permit", "visa", "border", "watchlist")
            ]
            city.orders.clear()
            await city.pass_rounds(20)
            opened = [(n, s) for n, s in city.orders if n in (*TENANTS, *GATES)]
            assert [s for n, s in opened if n == "border"] == [0.25, 0.5, 1.0]
            last = [n for n, s in opened if s == 1.0]
            assert last.index("watchlist") < last.index("border") < last.index("autogate-cgk")
            assert last.index("autogate-cgk") < last.index("autogate-dps")
            assert last.index("stay-permit") < last.index("passport")
            assert len(opened) == len(set(opened)), "nothing is ordered twice"
            assert city.notices()[-1] == "all-clear"
            assert all(e["gate"] for e in city.log.named("stage"))
            await city.pass_rounds(1)
            assert city.orders[-3:] == [(d, False) for d in DESKS[:3]]
            status = await told(http, "/status")
            assert (status["mode"], status["quiescent"]) == ("automatic", True)
            city.log.all.clear()
            city.orders.clear()
            await city.pass_rounds(50)
            assert (city.log.all, city.orders) == ([], [])

    run(test())


def test_a_line_of_its_own_that_is_cut_takes_nothing_down() -> None:
    async def test() -> None:
        city = City()
        async with running(city.create()) as http:
            await city.pass_rounds(2)
            city.network.cut = {"http://visa"}
            await city.pass_rounds(10)
            assert city.orders == []
            assert city.stages() == []
            assert city.notices() == ["disruption"]
            text = city.log.named("notice")[0]["texts"]
            assert isinstance(text, dict)
            assert "Not confirmed: visas." in text["en"]
            assert "Belum dapat dipastikan: visa." in text["id"]
            city.network.cut = set()
            await city.pass_rounds(2)
            assert city.notices() == ["disruption", "all-clear"]
            assert city.orders == []
            assert (await told(http, "/status"))["quiescent"] is True

    run(test())


def test_a_tenant_without_storage_is_closed_although_it_asks_to_be_left_alone() -> None:
    async def test() -> None:
        city = City()
        async with running(city.create()):
            await city.pass_rounds(2)
            city.targets["visa"].storage = False
            await city.pass_rounds(3)
            assert city.orders == [("visa", 0.0)]
            assert city.stages() == [("visa", "closed", 0.0)]
            city.targets["visa"].storage = True
            await city.pass_rounds(6)
            assert city.orders == [("visa", 0.0), ("visa", 0.5), ("visa", 1.0)]
            assert city.notices() == ["disruption", "progress", "all-clear"]

    run(test())


def test_a_tenant_that_is_starting_says_nothing_about_an_incident() -> None:
    async def test() -> None:
        city = City()
        border = city.targets["border"]
        border.share, border.storage, border.said = 0.0, False, "starting"
        async with running(city.create()) as http:
            await city.pass_rounds(3)
            assert (await told(http, "/status"))["quiescent"] is False
            border.share, border.storage, border.said = 1.0, True, "undisturbed"
            await city.pass_rounds(3)
            assert (await told(http, "/status"))["quiescent"] is True
            assert (city.notices(), city.stages(), city.orders) == ([], [], [])

    run(test())


def test_a_restart_in_the_middle_goes_on_and_opens_nothing_by_itself() -> None:
    async def test() -> None:
        city = City()
        async with running(city.create()):
            await city.pass_rounds(2)
            city.lose_the_data_center()
            await city.pass_rounds(3)
            city.network.cut = set()
            await city.pass_rounds(5)
        shares = {name: city.targets[name].share for name in TENANTS}
        assert shares["watchlist"] == 1.0
        assert 0 < shares["border"] < 1
        city.log.all.clear()
        city.orders.clear()
        async with running(city.create()) as http:
            assert city.orders == []
            notice = city.log.named("notice")[0]
            assert isinstance(notice["texts"], dict)
            assert "it continues to handle the disruption" in notice["texts"]["en"]
            assert ("border", "dwelling", shares["border"]) in city.stages()
            await city.pass_rounds(20)
            assert city.notices()[-1] == "all-clear"
            assert {t.share for n, t in city.targets.items() if n in TENANTS} == {1.0}
            assert not any(city.targets[name].surge for name in DESKS)
            assert (await told(http, "/status"))["quiescent"] is True

    run(test())


def test_a_plan_for_services_that_nobody_knows_is_refused_at_the_start() -> None:
    world = fake_world("command", {"TARGETS": '{"border": "http://border"}'})
    with pytest.raises(PlanError, match="TARGETS has no address for autogate-cgk, autogate-dps"):
        create(world)
    with pytest.raises(PlanError, match="TARGETS: "):
        create(fake_world("command", {"TARGETS": "[]"}))
