"""The office, with the data center up, away, and coming back."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from services import office, passport, stay_permit, visa
from services.kit import Journal, JournalError, MemoryJournal, SqliteJournal
from services.kit.testing import (
    Events,
    FakeClock,
    FlakyRegistry,
    Network,
    fake_world,
    run,
    running,
)

URLS = {"passport": "http://passport", "visa": "http://visa", "stay-permit": "http://permit"}
CREATE = {"passport": passport.create, "visa": visa.create, "stay-permit": stay_permit.create}
HOUR = 3600.0


class Rig:
    """An office, the three services that it needs, and what is between them."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.clock = FakeClock()
        self.log = Events()
        self.network = Network()
        self.storage = FlakyRegistry()
        self.journal = journal or MemoryJournal()
        self.http: httpx.AsyncClient

    def office(self) -> Starlette:
        env = {
            "PASSPORT": URLS["passport"],
            "VISA": URLS["visa"],
            "STAY_PERMIT": URLS["stay-permit"],
            "JOURNAL": "/data/journal.sqlite",
            "ENTRY_BATCH": "3",
            "ENTRY_EVERY": "300",
        }
        return office.create(
            fake_world(
                "office",
                env,
                clock=self.clock,
                log=self.log,
                network=self.network,
                journal=lambda _path: self.journal,
            )
        )

    @asynccontextmanager
    async def up(self) -> AsyncIterator["Rig"]:
        async with AsyncExitStack() as stack:
            self.tenants = {}
            for service, create in CREATE.items():
                world = fake_world(service, clock=self.clock, registry=self.storage.registry)
                app = create(world)
                self.tenants[service] = await stack.enter_async_context(running(app))
                self.network.apps[URLS[service]] = app
            self.http = await stack.enter_async_context(running(self.office()))
            yield self

    def cut(self) -> None:
        self.network.cut.update(URLS.values())

    def heal(self) -> None:
        self.network.cut.clear()

    async def apply(
        self, name: str = "a-1", service: str = "passport", *, same_day: bool = False
    ) -> httpx.Response:
        body = {"id": name, "document": "X0000001", "service": service, "same_day": same_day}
        answer: list[httpx.Response] = []

        async def ask() -> None:
            answer.append(await self.http.post("/applications", json=body))

        # A retry waits on the clock, which somebody has to move.
        import asyncio

        task = asyncio.ensure_future(ask())
        for _ in range(20):
            await self.clock.advance(1)
            if task.done():
                break
        await task
        return answer[0]

    async def central(self, service: str = "passport") -> list[str]:
        page = (await self.tenants[service].get("/applications")).json()
        return [item["id"] for item in page["items"]]

    async def reopen(self) -> None:
        """What the command centre does in the end."""
        for tenant in self.tenants.values():
            await tenant.put("/admission", json={"share": 1, "reason": "plan"})

    @property
    def modes(self) -> list[object]:
        return [event["mode"] for event in self.log.named("mode")]


def with_rig(body: Callable[[Rig], object], rig: Rig | None = None) -> None:
    async def test() -> None:
        async with (rig or Rig()).up() as ready:
            await body(ready)  # type: ignore[misc]

    run(test())


def test_with_the_data_center_up_an_application_goes_there() -> None:
    async def body(rig: Rig) -> None:
        for service in URLS:
            answer = await rig.apply(service, service, same_day=True)
            assert answer.status_code == 201
            assert answer.json() == {"id": service, "path": "online", "source": "central"}
            assert await rig.central(service) == [service]
        assert (await rig.http.get("/journal")).json()["items"] == []
        assert rig.modes == []

    with_rig(body)


def test_without_it_an_application_is_written_down_before_it_is_answered() -> None:
    async def body(rig: Rig) -> None:
        rig.cut()
        answer = await rig.apply()
        assert answer.status_code == 202
        assert answer.json() == {"id": "a-1", "path": "offline", "source": "journal"}
        (item,) = (await rig.http.get("/journal")).json()["items"]
        assert (item["id"], item["service"], item["state"]) == ("a-1", "passport", "written")
        status = (await rig.http.get("/status")).json()
        assert (status["backlog"], status["quiescent"]) == (1, False)

    with_rig(body)


def test_same_day_service_is_refused_with_a_clear_message() -> None:
    async def body(rig: Rig) -> None:
        rig.cut()
        answer = await rig.apply(same_day=True)
        assert (answer.status_code, answer.json()["error"]) == (503, "same-day")
        assert set(answer.json()["message"]) == {"id", "en"}
        assert (await rig.http.get("/journal")).json()["items"] == []

    with_rig(body)


def test_a_closed_tenant_is_as_good_as_none() -> None:
    async def body(rig: Rig) -> None:
        await rig.tenants["visa"].put("/admission", json={"share": 0, "reason": "drill"})
        assert (await rig.apply("a-1", "visa")).status_code == 202
        assert (await rig.apply("a-2", "visa", same_day=True)).status_code == 503
        assert (await rig.apply("a-3", "passport", same_day=True)).status_code == 201
        assert rig.modes == ["mixed"]

    with_rig(body)


def test_lost_storage_behind_a_tenant_is_as_good_as_no_tenant() -> None:
    async def body(rig: Rig) -> None:
        rig.storage.state = "down"
        assert (await rig.apply()).status_code == 202

    with_rig(body)


def test_after_recovery_everything_is_entered_once_and_in_order() -> None:
    async def body(rig: Rig) -> None:
        rig.cut()
        names = [f"a-{i}" for i in range(8)]
        for name in names:
            await rig.apply(name)
        await rig.apply("v-1", "visa")
        await rig.clock.advance(HOUR)
        rig.heal()
        await rig.reopen()
        await rig.clock.advance(HOUR)
        assert await rig.central() == names
        assert await rig.central("visa") == ["v-1"]
        status = (await rig.http.get("/status")).json()
        assert (status["backlog"], status["quiescent"], status["mode"]) == (0, True, "automatic")
        shares: list[Any] = [event["share"] for event in rig.log.named("journal")]
        assert shares == sorted(shares)
        assert shares[-1] == 1

    with_rig(body)


def test_entering_is_throttled() -> None:
    async def body(rig: Rig) -> None:
        rig.cut()
        for i in range(9):
            await rig.apply(f"a-{i}")
        await rig.clock.advance(HOUR)
        rig.heal()
        await rig.reopen()
        counts = []
        for _ in range(12):
            await rig.clock.advance(300)
            counts.append(len(await rig.central()))
        steps = [after - before for before, after in zip([0, *counts], counts, strict=False)]
        assert counts[-1] == 9
        assert max(steps) == 3

    with_rig(body)


def test_modes_tell_the_story() -> None:
    async def body(rig: Rig) -> None:
        rig.cut()
        await rig.apply()
        await rig.clock.advance(HOUR)
        rig.heal()
        await rig.reopen()
        await rig.clock.advance(HOUR)
        assert rig.modes == ["mixed", "manual", "mixed", "automatic"]
        assert all(event["reason"] for event in rig.log.named("mode"))

    with_rig(body)


def test_a_cut_is_noticed_although_nobody_applies() -> None:
    async def body(rig: Rig) -> None:
        rig.cut()
        await rig.clock.advance(600)
        assert rig.modes[-1:] == ["manual"]
        rig.heal()
        await rig.clock.advance(600)
        assert rig.modes[-1] == "automatic"

    with_rig(body)


def test_an_application_whose_answer_was_lost_is_there_once_in_the_end() -> None:
    async def body(rig: Rig) -> None:
        rig.network.lost.add(URLS["passport"])
        assert (await rig.apply()).status_code == 202
        assert await rig.central() == ["a-1"]
        rig.network.lost.clear()
        await rig.clock.advance(HOUR)
        assert await rig.central() == ["a-1"]
        assert (await rig.http.get("/status")).json()["backlog"] == 0
        assert rig.log.named("quarantine") == []

    with_rig(body)


def test_a_same_day_application_whose_answer_was_lost_is_neither_taken_nor_refused() -> None:
    async def body(rig: Rig) -> None:
        rig.network.lost.add(URLS["passport"])
        answer = await rig.apply(same_day=True)
        assert (answer.status_code, answer.json()["error"]) == (500, "unsure")
        rig.network.lost.clear()
        await rig.clock.advance(HOUR)
        assert (await rig.apply(same_day=True)).status_code == 201
        assert await rig.central() == ["a-1"]

    with_rig(body)


def test_an_application_that_was_written_down_is_not_taken_again() -> None:
    async def body(rig: Rig) -> None:
        rig.cut()
        first = await rig.apply()
        again = await rig.apply()
        other = await rig.apply(same_day=True)
        assert first.json() == again.json()
        assert (other.status_code, other.json()["error"]) == (409, "conflict")
        rig.heal()
        await rig.clock.advance(HOUR)
        after = await rig.apply()
        assert after.json() == first.json()
        assert await rig.central() == ["a-1"]

    with_rig(body)


def test_a_conflict_is_put_aside_and_never_dropped() -> None:
    async def body(rig: Rig) -> None:
        await rig.tenants["passport"].post(
            "/applications", json={"id": "a-1", "document": "somebody else's"}
        )
        rig.cut()
        await rig.apply("a-1")
        await rig.apply("a-2")
        rig.heal()
        await rig.clock.advance(HOUR)
        (item,) = (await rig.http.get("/quarantine")).json()["items"]
        assert (item["id"], item["state"], item["reason"]) == ("a-1", "quarantined", "conflict")
        assert [event["id"] for event in rig.log.named("quarantine")] == ["a-1"]
        assert await rig.central() == ["a-1", "a-2"]
        status = (await rig.http.get("/status")).json()
        assert (status["backlog"], status["quarantined"]) == (0, 1)

    with_rig(body)


def test_what_the_data_center_says_of_an_application_is_passed_on() -> None:
    async def body(rig: Rig) -> None:
        await rig.tenants["passport"].post("/applications", json={"id": "a-1", "document": "other"})
        answer = await rig.apply()
        assert (answer.status_code, answer.json()["error"]) == (409, "conflict")

    with_rig(body)


def test_an_office_that_restarts_goes_on_where_it_was(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "journal.sqlite"
        rig = Rig(SqliteJournal(path))
        rig.cut()
        async with rig.up():
            for i in range(5):
                await rig.apply(f"a-{i}")
        rig.journal = SqliteJournal(path)
        rig.heal()
        async with rig.up():
            await rig.reopen()
            assert (await rig.http.get("/status")).json()["backlog"] <= 5
            await rig.clock.advance(HOUR)
            assert await rig.central() == [f"a-{i}" for i in range(5)]

    run(test())


def test_who_cannot_write_it_down_must_not_take_it() -> None:
    class FullJournal(MemoryJournal):
        def append(self, *_arguments: object, **_more: object):  # type: ignore[no-untyped-def]
            raise JournalError("the disk is full")

    async def body(rig: Rig) -> None:
        rig.cut()
        answer = await rig.apply()
        assert (answer.status_code, answer.json()["error"]) == (503, "journal")

    with_rig(body, Rig(FullJournal()))


@pytest.mark.parametrize("service", ["baggage", "", None])
def test_a_service_that_there_is_not_is_the_callers_fault(service: object) -> None:
    async def body(rig: Rig) -> None:
        body = {"id": "a-1", "document": "X", "service": service, "same_day": False}
        assert (await rig.http.post("/applications", json=body)).status_code == 400

    with_rig(body)
