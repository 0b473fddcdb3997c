"""A counter whose journal has no room: nobody passes, and nothing is decided."""

from typing import Any

from services.kit import JournalFullError
from services.kit.testing import run

from ..airport_system import CENTER, AirportSystem, cut, traveller_request
from .desk import ask, serve


class FullDisk:
    """A journal that has no room left, until it is `free`."""

    def __init__(self, system: AirportSystem) -> None:
        self._journal: Any = system.journal
        self.free = False
        system.journal = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def append(self, *args: Any) -> Any:
        if not self.free:
            raise JournalFullError("no room left")
        return self._journal.append(*args)


def test_an_officer_who_cannot_write_lets_nobody_pass_and_decides_nothing() -> None:
    async def story() -> None:
        system = AirportSystem()
        disk = FullDisk(system)
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(system)
            await system.clock.advance(300)
            (answer,) = await ask(system, http, traveller_request("c1"), time=150)
            assert (answer.status_code, answer.json()["error"]) == (503, "journal")
            assert answer.json()["retry_after"] == 300
            disk.free = True
            (served,) = await serve(system, http, traveller_request("c1"), time=150)
            assert (served["decision"], served["path"]) == ("admitted", "manual")

    run(story())


def test_a_crossing_that_may_be_recorded_and_cannot_be_written_down_is_not_denied() -> None:
    async def story() -> None:
        system = AirportSystem()
        disk = FullDisk(system)
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            await system.clock.advance(60)
            system.network.lost = {"http://border"}
            (answer,) = await ask(system, http, traveller_request("c1"), time=150)
            assert (answer.status_code, answer.json()["error"]) == (500, "unsure")
            system.network.lost = set()
            disk.free = True
            (served,) = await serve(system, http, traveller_request("c1"), time=150)
            assert served["decision"] == "admitted"
            await system.clock.advance(1200)
            assert await system.ledger() == {"c1": "counter"}

    run(story())


def test_who_may_be_recorded_and_is_held_is_set_aside_as_soon_as_there_is_room() -> None:
    async def story() -> None:
        system = AirportSystem(env={"SNAPSHOT_LIMIT": "100"})
        disk = FullDisk(system)
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            await system.clock.advance(60)
            system.network.lost = {"http://border"}
            (answer,) = await ask(system, http, traveller_request("c1"), time=150)
            assert answer.status_code == 500
            assert not system.logs["counter-cgk"].named("quarantine")
            cut(system)
            disk.free = True
            (served,) = await serve(system, http, traveller_request("c1"), time=150)
            assert (served["decision"], served["reason"]) == ("held", "snapshot-too-old")
            assert system.journal.counts().quarantined == 1

    run(story())
