"""Random sequences of faults at an airport: each admitted traveller has exactly one crossing.

Travellers arrive at gate and counter while the data center is cut off and healed, loses replies,
closes and opens its admission control, and the counter's process is killed. A traveller without an
answer tries again.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from services.kit.testing import run
from services.population import person

from .airport_system import CENTER, AirportSystem, cut, heal, traveller_request

EVENTS = ["gate", "counter", "cut", "heal", "lose", "kill", "close", "share", "open", "wait"]
days = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 400)), max_size=25)


class Day:
    """One day at an airport, and the answers that its travellers received."""

    def __init__(self) -> None:
        self.system = AirportSystem(env={"OFFICERS": "5", "ENTRY_BATCH": "3", "ENTRY_EVERY": "60"})
        self.requests: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.calls: dict[str, asyncio.Task[None]] = {}
        self.counter = AsyncExitStack()
        self.http: dict[str, httpx.AsyncClient] = {}

    async def start_counter(self) -> None:
        (self.http["counter"],) = await self.counter.enter_async_context(
            self.system.open("counter-cgk")
        )

    async def handle(self, event: str, number: int) -> None:
        if event in ("gate", "counter"):
            crossing = f"c{len(self.requests)}"
            self.requests[crossing] = traveller_request(crossing, person(number % 200))
            self.send(crossing, event)
        elif event == "kill":
            for call in self.calls.values():
                call.cancel()
            await self.counter.aclose()
            await self.start_counter()
        elif event in ("close", "share", "open"):
            share = {"close": 0, "share": 0.5, "open": 1}[event]
            for tenant in CENTER:  # both close by themselves during a long outage
                await self.http[tenant].put("/admission", json={"share": share})
        elif event == "cut":
            cut(self.system)
        elif event == "lose":
            self.system.network.lost = {"http://border"}
        elif event == "heal":
            heal(self.system)
            self.system.network.lost = set()
        await self.system.clock.advance(number)

    def send(self, crossing: str, where: str) -> None:
        async def request() -> None:
            answer = await self.http[where].post("/travellers", json=self.requests[crossing])
            body: dict[str, Any] = answer.json()
            if where == "gate" and body.get("decision") != "admitted":
                self.send(crossing, "counter")
            else:
                assert crossing not in self.answers or is_same_decision(
                    self.answers[crossing], body
                )
                self.answers[crossing] = body

        self.calls[crossing] = asyncio.ensure_future(request())

    async def end(self) -> None:
        """Heal all faults; travellers without an answer try once more."""
        await self.handle("heal", 0)
        await self.handle("open", 300)
        for crossing in self.requests:
            if crossing not in self.answers:
                self.send(crossing, "counter")
        await self.system.clock.advance(3600)
        await asyncio.gather(*self.calls.values(), return_exceptions=True)


def is_same_decision(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return bool(first["decision"] == second["decision"])


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(days)
def test_every_traveller_admitted_has_exactly_one_crossing(events: list[tuple[str, int]]) -> None:
    async def test() -> None:
        day = Day()
        async with (
            day.system.open(*CENTER, "autogate-cgk") as (watchlist, border, gate),
            day.counter,
        ):
            day.http = {"watchlist": watchlist, "border": border, "gate": gate}
            await day.start_counter()
            await day.system.clock.advance(60)
            for event, number in events:
                await day.handle(event, number)
            await day.end()

            assert day.answers.keys() == day.requests.keys()
            admitted = {c for c, answer in day.answers.items() if answer["decision"] == "admitted"}
            ledger = await day.system.ledger()
            assert ledger.keys() == admitted
            listed = {person(i).document for i in range(200) if person(i).listed}
            crossed = await day.system.registry.crossings(0, 9999)
            assert not listed & {line.document for line in crossed}
            assert day.system.journal.counts().written == 0
            # Not from the log: a restarted counter begins as automatic and logs no change.
            status = (await day.http["counter"].get("/status")).json()
            assert status["mode"] == "automatic", status

    run(test())
