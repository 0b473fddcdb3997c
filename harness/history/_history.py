"""A history as checks and reports read it: requests, fault spans and mode spans."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import HarnessError

from ._events import (
    AnyEvent,
    Completion,
    Event,
    Fail,
    Fault,
    Invoke,
    Mode,
    Node,
    Ok,
    Started,
    Unknown,
)
from ._files import count_damaged, merge, read_whole
from ._modes import CurrentModes

E = TypeVar("E", bound=Event)

_UNKNOWN_MODE = "automatic"
"""What a mode counts as while it is unknown."""


@dataclass(frozen=True)
class Request:
    """One operation: the request and, if there is one, its completion."""

    invoke: Invoke
    completion: Completion | None

    @property
    def outcome(self) -> str:
        """Return `ok`, `fail` or `unknown`; a request without a completion is unknown."""
        if isinstance(self.completion, Ok):
            return "ok"
        return "fail" if isinstance(self.completion, Fail) else "unknown"

    @property
    def value(self) -> dict[str, object]:
        """Return the JSON object in the response; empty without one."""
        return {} if self.completion is None else self.completion.value

    @property
    def events(self) -> tuple[int, ...]:
        """Return the indexes of its events, as evidence of a verdict."""
        done = () if self.completion is None else (self.completion.index,)
        return (self.invoke.index, *done)


@dataclass(frozen=True)
class FaultSpan:
    """One injection of a fault, from `asked` to its last state. Times are `t` of events."""

    events: tuple[Fault, ...]

    @property
    def first(self) -> Fault:
        """Return the first event, whose state is `asked`."""
        return self.events[0]

    def at(self, *states: str) -> float | None:
        """Return when it first reached one of `states`; None if it never did."""
        return next((event.t for event in self.events if event.state in states), None)

    @property
    def start(self) -> float:
        """Return when it took effect: when it was verified, else injected, else asked for."""
        found = self.at("verified", "unverified"), self.at("injected")
        return next((t for t in found if t is not None), self.first.t)

    @property
    def end(self) -> float | None:
        """Return when it was verified to be gone; None if it was not healed."""
        return self.at("healed")


@dataclass(frozen=True)
class Span:
    """A state, `value`, that lasted from `start` to `end`, in wall-clock seconds of the run."""

    value: str
    start: float
    end: float
    index: int
    """The event that began it; -1 if it lasts since the start of the run."""


class History:
    """The events of one run, in order of time. All properties are derived from that list."""

    def __init__(self, events: Iterable[AnyEvent], damaged: int = 0) -> None:
        self.events: Sequence[AnyEvent] = tuple(events)
        self.damaged = damaged
        """How many events are missing because lines are damaged. If any, the run proves nothing."""
        self._kinds: dict[type[Event], tuple[Any, ...]] = {}

    @classmethod
    def read(cls, run: Path) -> "History":
        """Read the history in the folder `run`, merging its parts if the run was cut short.

        Raises:
            HarnessError: the folder holds no history.
        """
        whole = run / "history.jsonl"
        if whole.is_file():
            events, damaged = read_whole(whole)
            return cls(events, damaged)
        parts = sorted((run / "parts").glob("*.jsonl"))
        if not parts:
            raise HarnessError(f"{run}: holds no history.jsonl; name the folder of a run")
        return cls(merge(parts), damaged=count_damaged(parts))

    def of(self, kind: type[E]) -> Iterator[E]:
        """Iterate over the events of the class `kind`, in order of time."""
        if kind not in self._kinds:  # cached: every check asks, and a long run has millions
            self._kinds[kind] = tuple(event for event in self.events if isinstance(event, kind))
        return iter(self._kinds[kind])

    @cached_property
    def started(self) -> Started:
        """Return the event with which the run began.

        Raises:
            HarnessError: the history has no such event.
        """
        for event in self.of(Started):
            return event
        raise HarnessError("the history has no `started` event, so it is not the history of a run")

    @cached_property
    def end(self) -> float:
        """Return when the last event happened, in wall-clock seconds of the run."""
        return self.events[-1].t if self.events else 0.0

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """Return every operation, in order of its invocation."""
        completions = {
            event.id: event for event in self.events if isinstance(event, Ok | Fail | Unknown)
        }
        return tuple(Request(event, completions.get(event.id)) for event in self.of(Invoke))

    @cached_property
    def faults(self) -> tuple[FaultSpan, ...]:
        """Return every injection of a fault, in order of the time at which it was asked for."""
        spans: dict[str, list[Fault]] = {}
        for event in self.of(Fault):
            spans.setdefault(event.id, []).append(event)
        return tuple(FaultSpan(tuple(events)) for events in spans.values())

    def modes(self, service: str) -> tuple[Span, ...]:
        """Return the modes of `service` as spans that cover the run.

        A mode that is unknown (see `CurrentModes`) counts as `automatic`: it is that of a process
        that has not yet logged one. `reported_modes` says which services log their mode at all.
        """
        return self._mode_spans.get(service) or (Span(_UNKNOWN_MODE, 0.0, max(self.end, 0.0), -1),)

    @cached_property
    def reported_modes(self) -> dict[str, tuple[Span, ...]]:
        """Return, by name, the modes of every service that ever reported one."""
        services = {event.service for event in self.of(Mode)}
        return {service: self.modes(service) for service in sorted(services)}

    def to_wall(self, scenario_seconds: float) -> float:
        """Convert a duration in scenario seconds to wall-clock seconds."""
        return scenario_seconds / self.started.pace

    def to_scenario(self, wall_seconds: float) -> float:
        """Convert a duration in wall-clock seconds to scenario seconds."""
        return wall_seconds * self.started.pace

    def scenario_clock(self, t: float) -> datetime:
        """Return the date and time of the scenario clock at `t`."""
        return self.started.scenario_clock(t)

    @cached_property
    def _mode_spans(self) -> dict[str, tuple[Span, ...]]:
        """By service, the modes of each one whose mode could have changed."""
        modes = CurrentModes()
        spans: dict[str, list[Span]] = {}
        for event in self.events:
            if not (isinstance(event, Mode | Node) and modes.apply(event)):
                continue
            mode = modes.mode(event.service) or _UNKNOWN_MODE
            found = spans.setdefault(event.service, [Span(_UNKNOWN_MODE, 0.0, 0.0, -1)])
            if mode == found[-1].value:
                continue
            last = found.pop()
            if event.t > last.start:
                found.append(replace(last, end=event.t))
            found.append(Span(mode, event.t, event.t, event.index))
        return {
            service: (*found[:-1], replace(found[-1], end=max(self.end, found[-1].start)))
            for service, found in spans.items()
        }
