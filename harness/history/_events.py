"""What can happen in a run: one class per kind of event, one JSON line each.

`t` is real seconds since the run began; `index` is the event's place in the merged history (-1
until it is merged). An operation is an `Invoke` and, with the same `id`, at most one of `Ok` (it
definitely happened), `Fail` (it definitely did not) and `Unknown` (it may have: a time-out, a
connection that broke after the request was sent, a server's 500).
"""

from typing import Any, Literal, TypeAlias

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """Something that happened `t` seconds into the run."""

    t: float
    index: int = -1


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The run began: everything needed to read the rest, and to run it again."""

    scenario: str
    seed: int
    pace: float
    epoch: float
    """Unix time at `t` = 0, in real seconds."""
    origin: str
    """The date and hour of life at `t` = 0, ISO 8601."""
    backend: str = "local"


class Phase(Event, frozen=True, kw_only=True, tag="phase"):
    """The run entered a phase: `load`, `settle` (no more arrivals), `reads`."""

    name: str


class Invoke(Event, frozen=True, kw_only=True, tag="invoke"):
    """A client sent a request. `due` is when it should have; the difference is start lag."""

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
    """Real seconds from request to answer."""
    status: int = 0
    """HTTP status; 0 if there was no answer."""
    value: dict[str, Any] = {}
    """The answer's JSON object."""
    error: str = ""


class Ok(_Completion, frozen=True, kw_only=True, tag="ok"):
    """The request succeeded: 2xx."""


class Fail(_Completion, frozen=True, kw_only=True, tag="fail"):
    """The request definitely had no effect: refused, 4xx, or 503."""


class Unknown(_Completion, frozen=True, kw_only=True, tag="unknown"):
    """Nobody can tell whether the request had its effect."""


Completion: TypeAlias = Ok | Fail | Unknown

FaultState = Literal["asked", "injected", "verified", "unverified", "healing", "healed", "unhealed"]


class Fault(Event, frozen=True, kw_only=True, tag="fault"):
    """A fault moved on: asked -> injected -> verified|unverified -> healing -> healed|unhealed.

    `verified`: canaries saw it through the link while the target itself was alive. `healed`:
    canaries saw it gone. `id` is one injection (a flapping step has many), `step` its label.
    """

    id: str
    step: str
    fault: str
    targets: tuple[str, ...]
    state: FaultState
    detail: str = ""


class Called(Event, frozen=True, kw_only=True, tag="called"):
    """An operator's call was made. `status` 0: no answer."""

    step: str
    service: str
    request: str
    status: int
    detail: str = ""


class Node(Event, frozen=True, kw_only=True, tag="node"):
    """A service's process or container changed state; `planned` if the scenario did it."""

    service: str
    state: Literal["started", "ready", "exited", "paused", "resumed"]
    planned: bool = True
    detail: str = ""


class Mode(Event, frozen=True, kw_only=True, tag="mode"):
    """A service changed how it works: `automatic`, `manual` or `mixed`."""

    service: str
    mode: str
    previous: str = ""
    reason: str = ""


class Plan(Event, frozen=True, kw_only=True, tag="plan"):
    """The recovery plan that a service follows: each stage with the stages it comes after."""

    service: str
    stages: dict[str, tuple[str, ...]]


class Stage(Event, frozen=True, kw_only=True, tag="stage"):
    """A stage of the recovery plan moved: `closed`, `ramping`, `dwelling`, `done`, `relapsed`."""

    service: str
    stage: str
    state: str
    share: float = 0.0
    gate: bool = True
    """Whether the step's exit criteria held when it was taken."""
    reason: str = ""


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """A notice to the public, in several languages."""

    service: str
    number: int
    state: str
    """`disruption`, `progress` or `all-clear`."""
    texts: dict[str, str]


class Gauge(Event, frozen=True, kw_only=True, tag="gauge"):
    """Numbers that a service reports now and then. Counts are since its previous gauge."""

    service: str
    values: dict[str, float]


class LogEvent(Event, frozen=True, kw_only=True, tag="log"):
    """Any other structured line that a service logged."""

    service: str
    event: str
    data: dict[str, Any] = {}


class Read(Event, frozen=True, kw_only=True, tag="read"):
    """One page of a final read. `complete` on the last page, or `error` if it could not be had."""

    service: str
    name: str
    items: tuple[dict[str, Any], ...] = ()
    complete: bool = False
    error: str = ""


class Generator(Event, frozen=True, kw_only=True, tag="generator"):
    """The load generator about itself, each second: how busy, how many requests in flight."""

    worker: str
    cpu: float
    """Share of one core, 0 to 1."""
    in_flight: int = 0
    state: Literal["running", "finished", "died"] = "running"


class Ended(Event, frozen=True, kw_only=True, tag="ended"):
    """The run is over. `quiescent`: the system said it had nothing left to do."""

    quiescent: bool
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
