"""The office, with the data center up, down, and recovering."""

import asyncio
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
    """An office, the three services that it calls, and the network between them."""

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

        async def post() -> None:
            answer.append(await self.http.post("/applications", json=body))

        # A retry waits on the clock, which is advanced here.
        task = asyncio.ensure_future(post())
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
        """Open the admission of all tenants, as the command centre does in its plan."""
        for tenant in self.tenants.values():
            await tenant.put("/admission", json={"share": 1, "reason": "plan"})

    @property
    def modes(self) -> list[object]:
        """The modes that it changed to."""
        return [event["mode"] for event in self.log.named("mode") if event["previous"]]


def with_rig(body: Callable[[Rig], object], rig: Rig | None = None) -> None:
    async def test() -> None:
        async with (rig or Rig()).up() as ready:
            await body(ready)  # type: ignore[misc]

    run(test())


def test_with_the_data_center_up_an_application_is_forwarded() -> None:
    async def body(rig: Rig) -> None:
        for service in URLS:
            answer = await rig.apply(service, service, same_day=True)
            assert answer.status_code == 201
            assert answer.json() == {"id": service, "path": "online", "source": "central"}
            assert await rig.central(service) == [service]
        assert (await rig.http.get("/journal")).json()["items"] == []
        assert rig.modes == []

    with_rig(body)


def test_during_an_outage_an_application_is_journaled_before_it_is_answered() -> None:
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


def test_a_closed_tenant_is_treated_like_an_unavailable_one() -> None:
    async def body(rig: Rig) -> None:
        await rig.tenants["visa"].put("/admission", json={"share": 0, "reason": "drill"})
        assert (await rig.apply("a-1", "visa")).status_code == 202
        assert (await rig.apply("a-2", "visa", same_day=True)).status_code == 503
        assert (await rig.apply("a-3", "passport", same_day=True)).status_code == 201
        assert rig.modes == ["mixed"]

    with_rig(body)


def test_a_tenant_without_storage_is_treated_like_an_unavailable_one() -> None:
    async def body(rig: Rig) -> None:
        rig.storage.state = "down"
        assert (await rig.apply()).status_code == 202

    with_rig(body)


def test_after_recovery_all_applications_are_entered_once_and_in_order() -> None:
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


def test_the_replay_is_throttled() -> None:
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


def test_the_process_logs_its_mode_when_it_starts() -> None:
    async def body(rig: Rig) -> None:
        assert [event["mode"] for event in rig.log.named("mode")] == ["automatic"]

    with_rig(body)


def test_modes_follow_the_outage_and_the_recovery() -> None:
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


def test_an_outage_is_detected_without_any_application() -> None:
    async def body(rig: Rig) -> None:
        rig.cut()
        await rig.clock.advance(600)
        assert rig.modes[-1:] == ["manual"]
        rig.heal()
        await rig.clock.advance(600)
        assert rig.modes[-1] == "automatic"

    with_rig(body)


def test_an_application_whose_answer_was_lost_is_registered_once() -> None:
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


def test_a_same_day_application_whose_answer_was_lost_is_answered_unsure() -> None:
    async def body(rig: Rig) -> None:
        rig.network.lost.add(URLS["passport"])
        answer = await rig.apply(same_day=True)
        assert (answer.status_code, answer.json()["error"]) == (500, "unsure")
        rig.network.lost.clear()
        await rig.clock.advance(HOUR)
        assert (await rig.apply(same_day=True)).status_code == 201
        assert await rig.central() == ["a-1"]

    with_rig(body)


def test_a_journaled_application_is_not_accepted_again() -> None:
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


def test_a_conflict_is_quarantined_and_not_dropped() -> None:
    async def body(rig: Rig) -> None:
        await rig.tenants["passport"].post(
            "/applications", json={"id": "a-1", "document": "X0000099"}
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


def test_an_error_of_the_data_center_is_forwarded() -> None:
    async def body(rig: Rig) -> None:
        await rig.tenants["passport"].post("/applications", json={"id": "a-1", "document": "other"})
        answer = await rig.apply()
        assert (answer.status_code, answer.json()["error"]) == (409, "conflict")

    with_rig(body)


def test_a_restarted_office_continues_the_replay(tmp_path: Path) -> None:
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


def test_without_a_working_journal_an_application_is_refused() -> None:
    class FullJournal(MemoryJournal):
        def append(self, *_arguments: object, **_more: object):  # type: ignore[no-untyped-def]
            raise JournalError("the disk is full")

    async def body(rig: Rig) -> None:
        rig.cut()
        answer = await rig.apply()
        assert (answer.status_code, answer.json()["error"]) == (503, "journal")

    with_rig(body, Rig(FullJournal()))


@pytest.mark.parametrize("service", ["baggage", "", None])
def test_an_unknown_service_is_answered_400(service: object) -> None:
    async def body(rig: Rig) -> None:
        body = {"id": "a-1", "document": "X", "service": service, "same_day": False}
        assert (await rig.http.post("/applications", json=body)).status_code == 400

    with_rig(body)
