"""Histories in few words: a tale is told in any order, and read by time.

tale = Tale(pace=60)                      # one second of the run is a minute of life
tale.fault("cut", 10, 20)                 # bites at 10, begins to be taken back at 20
tale.mode(11, "counter", "manual")
tale.many(30, 0, 9, "pay")                # thirty good requests from second 0 to 9
verdict = tale.judge("fallback", services="counter", within="2m")
"""

from typing import Any, Literal

import msgspec

from harness.checks import Verdict, bind
from harness.history import (
    AnyEvent,
    Ended,
    Fail,
    Fault,
    FaultState,
    Gauge,
    Generator,
    History,
    Invoke,
    LogEvent,
    Mode,
    Node,
    Notice,
    Ok,
    Phase,
    Plan,
    Read,
    Stage,
    Started,
    Unknown,
)
from harness.scenario import Expectation

OUTCOMES: dict[str, type[Ok | Fail | Unknown]] = {"ok": Ok, "fail": Fail, "unknown": Unknown}


class Tale:
    def __init__(self, pace: float = 60.0, backend: str = "local") -> None:
        self.events: list[AnyEvent] = [
            Started(
                t=0.0,
                scenario="tale",
                seed=1,
                pace=pace,
                epoch=0.0,
                origin="2024-06-20T00:00:00+07:00",
                backend=backend,
            )
        ]
        self._ids = 0

    def add(self, *events: AnyEvent) -> "Tale":
        self.events += events
        return self

    def ask(
        self,
        at: float,
        op: str,
        outcome: str | None = "ok",
        *,
        service: str = "shop",
        took: float = 0.1,
        lag: float = 0.0,
        value: dict[str, Any] | None = None,
        **data: Any,
    ) -> "Tale":
        """A request; `outcome` None: no answer. Keywords are its input."""
        self._ids += 1
        name = f"r{self._ids}"
        self.events.append(
            Invoke(
                t=at,
                id=name,
                op=op,
                service=service,
                actor="a",
                journey="j",
                due=at - lag,
                input=data,
            )
        )
        if outcome is not None:
            self.events.append(
                OUTCOMES[outcome](
                    t=at + took, id=name, op=op, service=service, latency=took, value=value or {}
                )
            )
        return self

    def many(
        self, number: int, start: float, stop: float, op: str, *args: Any, **kw: Any
    ) -> "Tale":
        for i in range(number):
            self.ask(start + (stop - start) * i / number, op, *args, **kw)
        return self

    def fault(
        self,
        step: str,
        start: float,
        end: float | None,
        *,
        verified: bool = True,
        last: FaultState = "healed",
        injection: str = "",
        detail: str = "",
    ) -> "Tale":
        """Asked 0.2 s and injected 0.1 s before it bites; seen to be gone 0.1 s after `end`."""
        states: list[tuple[FaultState, float]] = [("asked", start - 0.2), ("injected", start - 0.1)]
        states.append(("verified" if verified else "unverified", start))
        if end is not None:
            states += [("healing", end), (last, end + 0.1)]
        for state, t in states:
            self.events.append(
                Fault(
                    t=t,
                    id=injection or step,
                    step=step,
                    fault="cut",
                    targets=("link",),
                    state=state,
                    detail=detail,
                )
            )
        return self

    def mode(self, at: float, service: str, mode: str, reason: str = "") -> "Tale":
        return self.add(Mode(t=at, service=service, mode=mode, reason=reason))

    def plan(self, **stages: tuple[str, ...]) -> "Tale":
        return self.add(Plan(t=0.0, service="command", stages=stages))

    def stage(
        self, at: float, stage: str, state: str, share: float = 0.0, gate: bool = True
    ) -> "Tale":
        return self.add(
            Stage(t=at, service="command", stage=stage, state=state, share=share, gate=gate)
        )

    def notice(self, at: float, state: str, number: int = 1, **texts: str) -> "Tale":
        return self.add(
            Notice(
                t=at,
                service="command",
                number=number,
                state=state,
                texts=texts or {"id": "gangguan", "en": "disruption"},
            )
        )

    def gauge(self, at: float, service: str, **values: float) -> "Tale":
        return self.add(Gauge(t=at, service=service, values=values))

    def said(self, at: float, service: str, event: str, **data: Any) -> "Tale":
        return self.add(LogEvent(t=at, service=service, event=event, data=data))

    def read(
        self, service: str, name: str, *items: dict[str, Any], at: float = 90.0,
        complete: bool = True, error: str = "",
    ) -> "Tale":  # fmt: skip
        return self.add(
            Read(t=at, service=service, name=name, items=items, complete=complete, error=error)
        )

    def rows(self, *ids: str, **kw: Any) -> "Tale":
        """The whole final read `orders` of `ledger`, one row for each id."""
        return self.read("ledger", "orders", *({"id": name} for name in ids), **kw)

    def node(
        self,
        at: float,
        service: str,
        state: Literal["started", "ready", "exited"],
        planned: bool = True,
        detail: str = "",
    ) -> "Tale":
        return self.add(Node(t=at, service=service, state=state, planned=planned, detail=detail))

    def generator(
        self,
        at: float,
        cpu: float = 0.2,
        state: Literal["running", "finished", "died"] = "running",
        worker: str = "w",
    ) -> "Tale":
        return self.add(Generator(t=at, worker=worker, cpu=cpu, state=state))

    def phase(self, at: float, name: str) -> "Tale":
        return self.add(Phase(t=at, name=name))

    def end(self, at: float = 100.0, quiescent: bool = True, reason: str = "") -> "Tale":
        return self.add(Ended(t=at, quiescent=quiescent, reason=reason))

    def history(self) -> History:
        ordered = sorted(self.events, key=lambda event: event.t)
        return History(msgspec.structs.replace(event, index=i) for i, event in enumerate(ordered))

    def judge(self, check: str, **params: Any) -> Verdict:
        return bind(Expectation(check=check, name=check, params=params)).judge(self.history())

    def proven(self, verdict: Verdict) -> list[AnyEvent]:
        """The events that a verdict names."""
        events = self.history().events
        return [events[index] for index in verdict.evidence]
