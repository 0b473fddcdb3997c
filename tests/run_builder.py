"""Builds the history of a run from short method calls, for tests and benchmarks of checks.

    run = RunBuilder(pace=60)              # one second of the run is one scenario minute
    run.fault("cut", 10, 20)               # verified at 10, healing begins at 20
    run.mode(11, "shop", "manual")
    run.requests(30, 0, 9, "pay")          # thirty successful requests from second 0 to 9
    verdict = run.judge("fallback", services="shop", within="2m")

Events may be added in any order; `history()` sorts them by time. All times are wall-clock seconds
since the run began.
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

COMPLETIONS: dict[str, type[Ok | Fail | Unknown]] = {"ok": Ok, "fail": Fail, "unknown": Unknown}


class RunBuilder:
    """Collects events; each method adds some and returns the builder."""

    def __init__(self, pace: float = 60.0, backend: str = "local") -> None:
        self.events: list[AnyEvent] = [
            Started(
                t=0.0,
                scenario="built",
                seed=1,
                pace=pace,
                epoch=0.0,
                origin="2024-06-20T00:00:00+07:00",
                backend=backend,
            )
        ]
        self._ids = 0

    def add(self, *events: AnyEvent) -> "RunBuilder":
        """Add events as they are."""
        self.events += events
        return self

    def request(
        self,
        at: float,
        op: str,
        outcome: str | None = "ok",
        *,
        service: str = "shop",
        latency: float = 0.1,
        lag: float = 0.0,
        value: dict[str, Any] | None = None,
        **data: Any,
    ) -> "RunBuilder":
        """Add a request and its answer.

        Args:
            at: when it was sent.
            op: its operation.
            outcome: `ok`, `fail`, `unknown`, or None for no answer at all.
            service: the service that it was sent to.
            latency: time until the answer.
            lag: time between its due time and `at`.
            value: JSON object of the answer.
            data: input of the request.
        """
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
                COMPLETIONS[outcome](
                    t=at + latency,
                    id=name,
                    op=op,
                    service=service,
                    latency=latency,
                    value=value or {},
                )
            )
        return self

    def requests(
        self, number: int, start: float, stop: float, op: str, *args: Any, **kw: Any
    ) -> "RunBuilder":
        """Add `number` equal requests, spread evenly from `start` to `stop`."""
        for i in range(number):
            self.request(start + (stop - start) * i / number, op, *args, **kw)
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
    ) -> "RunBuilder":
        """Add the states of one injection.

        It is asked for 0.2 s and injected 0.1 s before `start`, when it is verified (or not, if
        `verified` is False). Its healing begins at `end` and is verified 0.1 s later.
        """
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

    def mode(self, at: float, service: str, mode: str, reason: str = "") -> "RunBuilder":
        """Add a change of mode."""
        return self.add(Mode(t=at, service=service, mode=mode, reason=reason))

    def plan(self, **stages: tuple[str, ...]) -> "RunBuilder":
        """Add a recovery plan: each stage with those it depends on."""
        return self.add(Plan(t=0.0, service="command", stages=stages))

    def stage(
        self, at: float, stage: str, state: str, share: float = 0.0, gate: bool = True
    ) -> "RunBuilder":
        """Add a stage event."""
        return self.add(
            Stage(t=at, service="command", stage=stage, state=state, share=share, gate=gate)
        )

    def notice(self, at: float, state: str, number: int = 1, **texts: str) -> "RunBuilder":
        """Add a notice, with `texts` by language."""
        return self.add(
            Notice(
                t=at,
                service="command",
                number=number,
                state=state,
                texts=texts or {"id": "gangguan", "en": "disruption"},
            )
        )

    def gauge(self, at: float, service: str, **values: float) -> "RunBuilder":
        """Add a gauge."""
        return self.add(Gauge(t=at, service=service, values=values))

    def log(self, at: float, service: str, event: str, **data: Any) -> "RunBuilder":
        """Add a structured log line."""
        return self.add(LogEvent(t=at, service=service, event=event, data=data))

    def final_read(
        self, service: str, name: str, *items: dict[str, Any], at: float = 90.0,
        complete: bool = True, error: str = "",
    ) -> "RunBuilder":  # fmt: skip
        """Add one page of a final read."""
        return self.add(
            Read(t=at, service=service, name=name, items=items, complete=complete, error=error)
        )

    def ledger_rows(self, *ids: str, **kw: Any) -> "RunBuilder":
        """Add the final read `orders` of `ledger`, with one row for each id."""
        return self.final_read("ledger", "orders", *({"id": name} for name in ids), **kw)

    def node(
        self,
        at: float,
        service: str,
        state: Literal["started", "ready", "exited"],
        planned: bool = True,
        detail: str = "",
    ) -> "RunBuilder":
        """Add a state change of a process."""
        return self.add(Node(t=at, service=service, state=state, planned=planned, detail=detail))

    def generator(
        self,
        at: float,
        cpu: float = 0.2,
        state: Literal["running", "finished", "stopped", "died"] = "running",
        worker: str = "w",
    ) -> "RunBuilder":
        """Add a report of a load generator worker."""
        return self.add(Generator(t=at, worker=worker, cpu=cpu, state=state))

    def phase(self, at: float, name: str) -> "RunBuilder":
        """Add the begin of a phase."""
        return self.add(Phase(t=at, name=name))

    def end(
        self, at: float = 100.0, quiescent: bool = True, reason: str = "", asked: bool = True
    ) -> "RunBuilder":
        """Add the end of the run."""
        return self.add(Ended(t=at, quiescent=quiescent, reason=reason, asked=asked))

    def ordered(self) -> list[AnyEvent]:
        """Return the events by time, with their indexes."""
        ordered = sorted(self.events, key=lambda event: event.t)
        return [msgspec.structs.replace(event, index=i) for i, event in enumerate(ordered)]

    def history(self) -> History:
        """Return the history."""
        return History(self.ordered())

    def judge(self, check: str, **params: Any) -> Verdict:
        """Return the verdict of `check` with `params` on the history."""
        return bind(Expectation(check=check, name=check, params=params)).judge(self.history())

    def evidence(self, verdict: Verdict) -> list[AnyEvent]:
        """Return the events that a verdict names as evidence."""
        events = self.history().events
        return [events[index] for index in verdict.evidence]
