"""The events of a run: one class per kind of event, one JSON line per event.

`t` is in wall-clock seconds since the start of the run; `index` is the position in the merged
history (-1 before the merge). An operation is an `Invoke` and, with the same `id`, at most one of
`Ok` (it definitely happened), `Fail` (it definitely did not happen) and `Unknown` (it may have
happened: a time-out, a connection that broke after the request was sent, a server's 500).
"""

from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """The base of all events: something that happened at `t`."""

    t: float
    index: int = -1


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The run began. Holds what is needed to interpret the other events and to repeat the run."""

    scenario: str
    seed: int
    pace: float
    """Scenario seconds per wall-clock second."""
    epoch: float
    """Unix time at `t` = 0."""
    origin: str
    """The date and time of the scenario clock at `t` = 0, in ISO 8601."""
    backend: str
    """The name of the backend on which the stack ran."""

    def scenario_clock(self, t: float) -> datetime:
        """Return the date and time of the scenario clock at `t`."""
        return datetime.fromisoformat(self.origin) + timedelta(seconds=t * self.pace)


class Phase(Event, frozen=True, kw_only=True, tag="phase"):
    """The run entered a phase: `load`, `quiescence` (no more arrivals), `reads`, `interrupted`."""

    name: str


class Invoke(Event, frozen=True, kw_only=True, tag="invoke"):
    """A client sent a request. It was scheduled for `due`; the difference to `t` is start lag."""

    id: str
    op: str
    service: str
    actor: str
    journey: str
    due: float
    input: dict[str, Any] = {}


class _Completion(Event, frozen=True, kw_only=True):
    id: str
    op: str
    service: str
    latency: float
    """Wall-clock seconds from request to response."""
    status: int = 0
    """HTTP status; 0 if there was no response."""
    value: dict[str, Any] = {}
    """The JSON object in the response."""
    error: str = ""


class Ok(_Completion, frozen=True, kw_only=True, tag="ok"):
    """The request succeeded: 2xx."""


class Fail(_Completion, frozen=True, kw_only=True, tag="fail"):
    """The request definitely had no effect: refused, 4xx, or 503."""


class Unknown(_Completion, frozen=True, kw_only=True, tag="unknown"):
    """The request may or may not have had its effect."""


Completion: TypeAlias = Ok | Fail | Unknown

FaultState = Literal[
    "asked", "injected", "verified", "unverified", "lost", "healing", "healed", "unhealed"
]


class Fault(Event, frozen=True, kw_only=True, tag="fault"):
    """A fault moved on: asked -> injected -> verified|unverified -> healing -> healed|unhealed.

    A verified fault may be `lost` before its healing: something other than the harness ended it.
    `t` is then when that was noticed.

    `verified`: probes through the link saw the fault while the target itself was alive. `healed`:
    probes saw that the fault is gone. `id` names one injection (a flapping step has many), `step`
    is the label of its step.
    """

    id: str
    step: str
    fault: str
    targets: tuple[str, ...]
    state: FaultState
    detail: str = ""


class Called(Event, frozen=True, kw_only=True, tag="called"):
    """A step of the timeline sent an operator's request. `status` is 0 without a response."""

    step: str
    service: str
    request: str
    status: int
    detail: str = ""


class Node(Event, frozen=True, kw_only=True, tag="node"):
    """A service's process or container changed state; `planned` if the scenario caused it."""

    service: str
    state: Literal["started", "ready", "exited", "paused", "resumed"]
    planned: bool = True
    detail: str = ""


class Mode(Event, frozen=True, kw_only=True, tag="mode"):
    """A service reported its mode: `automatic`, `manual` or `mixed`."""

    service: str
    mode: str
    previous: str = ""
    reason: str = ""


class Plan(Event, frozen=True, kw_only=True, tag="plan"):
    """The recovery plan that a service follows: each stage with the stages that must precede it."""

    service: str
    stages: dict[str, tuple[str, ...]]


class Stage(Event, frozen=True, kw_only=True, tag="stage"):
    """A stage of the recovery plan is now `closed`, `ramping`, `dwelling`, `done` or `relapsed`."""

    service: str
    stage: str
    state: str
    share: float = 0.0
    """The part of the requests that the stage admits, 0 to 1."""
    gate: bool = True
    """True if the exit criteria of the previous ramp step were met at that moment."""
    reason: str = ""


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """A service published a notice to its users, in one or more languages."""

    service: str
    number: int
    state: str
    """`disruption`, `progress` or `all-clear`."""
    texts: dict[str, str]
    """Language code, such as `en`, -> the text of the notice."""


class Gauge(Event, frozen=True, kw_only=True, tag="gauge"):
    """Figures that a service reports periodically. Counts are since its previous report."""

    service: str
    values: dict[str, float]


class LogEvent(Event, frozen=True, kw_only=True, tag="log"):
    """A structured log line of a service that is none of the other events."""

    service: str
    event: str
    data: dict[str, Any] = {}


class Read(Event, frozen=True, kw_only=True, tag="read"):
    """One page of a final read. The last one is `complete`, or has an `error` if reading failed."""

    service: str
    name: str
    items: tuple[dict[str, Any], ...] = ()
    complete: bool = False
    error: str = ""


class Generator(Event, frozen=True, kw_only=True, tag="generator"):
    """The load generator's report about itself, each second: CPU use and requests in flight."""

    worker: str
    cpu: float
    """Share of one core, 0 to 1."""
    in_flight: int = 0
    state: Literal["running", "finished", "stopped", "died"] = "running"
    """`finished`: everything was sent. `stopped`: the run, or the user, ended the load early."""


class Ended(Event, frozen=True, kw_only=True, tag="ended"):
    """The run is over. `quiescent` if every service reported that it has nothing left to do.

    If it is false, the final reads were taken after the whole settle time.
    """

    quiescent: bool
    asked: bool = True
    """False if no service has `x-harness.quiescent`, so that none could be asked."""
    reason: str = ""


AnyEvent: TypeAlias = (
    Started
    | Phase
    | Invoke
    | Ok
    | Fail
    | Unknown
    | Fault
    | Called
    | Node
    | Mode
    | Plan
    | Stage
    | Notice
    | Gauge
    | LogEvent
    | Read
    | Generator
    | Ended
)
