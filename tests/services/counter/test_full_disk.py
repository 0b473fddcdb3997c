"""A counter whose journal is full: nobody is admitted, and nothing is decided."""

from typing import Any

from services.kit import JournalFullError
from services.kit.testing import run

from ..airport_system import CENTER, AirportSystem, cut, traveller_request
from .client import post, serve


class FullJournal:
    """A journal that refuses new records until `free` is set."""

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


def test_without_room_in_the_journal_nobody_is_admitted_and_nothing_is_decided() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        disk = FullJournal(system)
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            cut(system)
            await system.clock.advance(300)
            (answer,) = await post(system, http, traveller_request("c1"), time=150)
            assert (answer.status_code, answer.json()["error"]) == (503, "journal")
            assert answer.json()["retry_after"] == 300
            disk.free = True
            (served,) = await serve(system, http, traveller_request("c1"), time=150)
            assert (served["decision"], served["path"]) == ("admitted", "manual")

    run(scenario())


def test_a_crossing_that_the_ledger_may_have_is_answered_unsure_while_the_journal_is_full() -> None:
    async def scenario() -> None:
        system = AirportSystem()
        disk = FullJournal(system)
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            await system.clock.advance(60)
            system.network.lost = {"http://border"}
            (answer,) = await post(system, http, traveller_request("c1"), time=150)
            assert (answer.status_code, answer.json()["error"]) == (500, "unsure")
            system.network.lost = set()
            disk.free = True
            (served,) = await serve(system, http, traveller_request("c1"), time=150)
            assert served["decision"] == "admitted"
            await system.clock.advance(1200)
            assert await system.ledger() == {"c1": "counter"}

    run(scenario())


def test_a_held_traveller_whom_the_ledger_may_have_is_quarantined_once_there_is_room() -> None:
    async def scenario() -> None:
        system = AirportSystem(env={"SNAPSHOT_LIMIT": "100"})
        disk = FullJournal(system)
        async with system.open(*CENTER, "counter-cgk") as (_, _, http):
            await system.clock.advance(60)
            system.network.lost = {"http://border"}
            (answer,) = await post(system, http, traveller_request("c1"), time=150)
            assert answer.status_code == 500
            assert not system.logs["counter-cgk"].named("quarantine")
            cut(system)
            disk.free = True
            (served,) = await serve(system, http, traveller_request("c1"), time=150)
            assert (served["decision"], served["reason"]) == ("held", "snapshot-too-old")
            assert system.journal.counts().quarantined == 1

    run(scenario())
