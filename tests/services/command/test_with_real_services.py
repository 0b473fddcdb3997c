"""The command centre with the real services in one process, on the links of the Compose file."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import yaml

from services import autogate, border, command, counter, office, passport, stay_permit, visa
from services import watchlist as watchlist_service
from services.kit.testing import (
    Events,
    FakeClock,
    FlakyRegistry,
    Network,
    fake_world,
    run,
    running,
)

from .floored_clock import FlooredClock

STACK = Path(__file__).parents[3] / "docker-compose.yml"
CREATE = {
    "watchlist": watchlist_service.create,
    "border": border.create,
    "visa": visa.create,
    "stay-permit": stay_permit.create,
    "passport": passport.create,
    "autogate-cgk": autogate.create,
    "autogate-dps": autogate.create,
    "counter-cgk": counter.create,
    "counter-dps": counter.create,
    "counter-sub": counter.create,
    "office": office.create,
    "command": command.create,
}
TENANTS = ("watchlist", "border", "visa", "stay-permit", "passport")


class System:
    """Every service of the Compose file that the command centre controls, and itself."""

    def __init__(self, running_apps: AsyncExitStack, clock: FakeClock) -> None:
        self.clock, self.network, self.registry = clock, Network(), FlakyRegistry()
        self.logs = {name: Events() for name in CREATE}
        self._stack = yaml.safe_load(STACK.read_text("utf-8"))
        self._links = self._stack["x-harness"]["links"]
        self._running = running_apps
        self.http: dict[str, Any] = {}

    async def start(self, name: str) -> None:
        env = self._stack["services"][name]["environment"]
        environment = {key: str(value) for key, value in env.items()}
        world = fake_world(
            name,
            {**environment, "DATABASE": "memory", "POPULATION": "200"},
            clock=self.clock,
            log=self.logs[name],
            registry=self.registry.registry,
            network=self.network,
        )
        app = CREATE[name](world)
        for link in self._links.values():
            if link["to"] == name:
                self.network.apps[f"http://toxiproxy:{link['listen']}"] = app
        self.http[name] = await self._running.enter_async_context(running(app))

    def cut(self, *targets: str, sources: tuple[str, ...] = ()) -> None:
        self.network.cut = {
            f"http://toxiproxy:{link['listen']}"
            for link in self._links.values()
            if link["to"] in targets and (not sources or link["from"] in sources)
        }

    async def get(self, name: str, path: str = "/status") -> dict[str, Any]:
        answer = await self.http[name].get(path)
        return msgspec.json.decode(answer.content, type=dict[str, Any])

    async def modes(self) -> dict[str, str]:
        return {name: (await self.get(name))["mode"] for name in CREATE if name not in TENANTS}


@asynccontextmanager
async def up(floor: float = 300, registry_after: float = 0) -> AsyncIterator[System]:
    """Start all services; the registry comes up `registry_after` scenario seconds after them."""
    async with AsyncExitStack() as stack:
        system = System(stack, FlooredClock(floor))
        system.registry.state = "down" if registry_after else "up"
        for name in CREATE:
            await system.start(name)
        await system.clock.advance(registry_after)
        system.registry.state = "up"
        await system.clock.advance(900)
        assert set((await system.modes()).values()) == {"automatic"}
        assert system.logs["command"].named("notice") == []
        yield system


def test_all_services_return_to_automatic_after_an_outage_of_the_data_center() -> None:
    async def test() -> None:
        async with up() as system:
            system.cut(*TENANTS)
            await system.clock.advance(1800)
            assert set((await system.modes()).values()) == {"manual"}
            system.cut()
            await system.clock.advance(15 * 300)
            assert set((await system.modes()).values()) == {"automatic"}
            stages = system.logs["command"].named("stage")
            assert [e for e in stages if e["state"] == "relapsed" or not e["gate"]] == []
            assert system.logs["command"].named("notice")[-1]["state"] == "all-clear"
            assert (await system.get("command"))["quiescent"] is True

    run(test())


def test_a_registry_that_comes_up_late_at_the_start_is_no_outage() -> None:
    async def test() -> None:
        async with up(registry_after=900) as system:
            assert system.logs["command"].named("stage") == []
            await system.clock.advance(3600)
            assert set((await system.modes()).values()) == {"automatic"}
            assert (await system.get("command"))["quiescent"] is True

    run(test())


def test_cutting_off_one_airport_does_not_affect_the_others() -> None:
    async def test() -> None:
        async with up() as system:
            system.cut("watchlist", "border", sources=("autogate-cgk", "counter-cgk"))
            await system.clock.advance(3600)
            manual = {name for name, mode in (await system.modes()).items() if mode != "automatic"}
            assert manual == {"autogate-cgk", "counter-cgk", "command"}
            stages = system.logs["command"].named("stage")
            assert {e["stage"] for e in stages} == {"autogate-cgk", "journal-cgk"}
            # The gate cannot reach the border, so it is not opened on trial again and again.
            assert {e["state"] for e in stages} == {"closed"}
            assert {c for c in system.logs if system.logs[c].named("surge")} == {"counter-cgk"}
            system.cut()
            await system.clock.advance(15 * 300)
            assert set((await system.modes()).values()) == {"automatic"}
            notices = [e["state"] for e in system.logs["command"].named("notice")]
            assert (notices[0], notices[-1]) == ("disruption", "all-clear")

    run(test())


def test_at_the_pace_of_the_demo_all_is_open_again_within_eight_seconds() -> None:
    async def test() -> None:
        async with up(2400) as system:
            # 2400 scenario seconds are half a wall-clock second of the demo.
            log = system.logs["command"]
            await system.clock.advance(3 * 2400)
            system.cut(*TENANTS)
            await system.clock.advance(10 * 2400)
            assert {p["state"] for p in (await system.get("command", "/plan"))["stages"]} == {
                "closed"
            }
            system.cut()
            rounds = 0
            while log.named("notice")[-1]["state"] != "all-clear":
                await system.clock.advance(2400)
                rounds += 1
                assert rounds <= 16, (await system.get("command"))["waiting"]
            assert all(e["state"] != "relapsed" for e in log.named("stage"))
            issued = [n["issued_at"] for n in (await system.get("command", "/notices"))["items"]]
            assert max(b - a for a, b in pairwise(issued)) <= 21600

    run(test())
