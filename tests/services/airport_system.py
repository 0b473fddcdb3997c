"""An airport and the two tenants that it depends on, in one process with a fake clock.

system = AirportSystem()
async with system.open(*CENTER, "counter-cgk") as (_, _, http):
    cut(system)
    await system.clock.advance(300)
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from services import autogate, baggage, border, counter, watchlist
from services.kit import Journal, MemoryJournal, World
from services.kit.testing import Events, FakeClock, Network, fake_world, running
from services.mrz import Mrz, build
from services.population import Person, person
from services.store import MemoryRegistry

KEY = "a key for tests"
POPULATION = 200
APPS = {
    "watchlist": watchlist.create,
    "border": border.create,
    "counter-cgk": counter.create,
    "autogate-cgk": autogate.create,
    "baggage-cgk": baggage.create,
}


@dataclass
class AirportSystem:
    """What outlasts a restart of a service: clock, network, registry, journal and logs."""

    env: Mapping[str, str] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    network: Network = field(default_factory=Network)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    journal: Journal = field(default_factory=MemoryJournal)
    logs: dict[str, Events] = field(default_factory=dict)

    def world(self, name: str) -> World:
        env = {
            "SNAPSHOT_KEY": KEY,
            "POPULATION": str(POPULATION),
            "JOURNAL": "/journal",
            "COUNTER": "counter-cgk" if name.startswith("autogate") else "http://counter-cgk",
            "WATCHLIST": "http://watchlist",
            "BORDER": "http://border",
            "LANES": "3",
            "OFFICERS": "2",
            "SURGE_OFFICERS": "4",
            **self.env,
        }
        log = self.logs.setdefault(name, Events())
        return fake_world(
            name,
            env,
            clock=self.clock,
            log=log,
            registry=self.registry,
            network=self.network,
            journal=lambda _path: self.journal,
        )

    @asynccontextmanager
    async def open(self, *names: str) -> AsyncIterator[list[httpx.AsyncClient]]:
        """Start services in this order; yield an HTTP client for each."""
        async with AsyncExitStack() as stack:
            clients = []
            for name in names:
                app = APPS[name](self.world(name))
                self.network.apps[f"http://{name}"] = app
                clients.append(await stack.enter_async_context(running(app)))
            yield clients

    def modes(self, name: str) -> list[object]:
        """Return all modes that a service changed to."""
        return [event["mode"] for event in self.logs[name].named("mode") if event["previous"]]

    async def ledger(self) -> dict[str, str]:
        """Return the central ledger as a mapping from crossing id to channel."""
        return {line.id: line.channel for line in await self.registry.crossings(0, 9999)}


CENTER = ("watchlist", "border")


def cut(system: AirportSystem) -> None:
    """Cut the links to the data center."""
    system.network.cut |= {f"http://{name}" for name in CENTER}


def heal(system: AirportSystem) -> None:
    """Restore the links to the data center."""
    system.network.cut.clear()


def find_person(*, listed: bool = False, kind: str = "citizen", cancelled: bool = False) -> Person:
    """Return the first person with these properties."""
    people = (person(i) for i in range(POPULATION))
    return next(
        one for one in people if (one.listed, one.kind, one.cancelled) == (listed, kind, cancelled)
    )


def mrz_lines(one: Person) -> tuple[str, ...]:
    return build(
        Mrz(
            document=one.document,
            issuer=one.nationality,
            nationality=one.nationality,
            surname=one.surname,
            given=one.given,
            birth=f"{one.birth:%y%m%d}",
            sex=one.sex,
            expiry=f"{one.expiry:%y%m%d}",
        )
    )


def traveller_request(crossing: str, one: Person | None = None, **more: Any) -> dict[str, Any]:
    """Return the body of a `POST /travellers` request."""
    return {
        "crossing": crossing,
        "mrz": mrz_lines(one or find_person()),
        "flight": "XX123",
        "direction": "arrival",
        **more,
    }


CITIZEN = find_person()
LISTED = find_person(listed=True)
FOREIGNER = find_person(kind="visa")
