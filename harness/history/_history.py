"""A history as checks and reports read it: pairs, spans and windows over the list of events."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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

E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Request:
    """One operation: what was asked and, if it came, the answer."""

    invoke: Invoke
    completion: Completion | None

    @property
    def outcome(self) -> str:
        """`ok`, `fail` or `unknown`; a request without an answer is unknown."""
        if isinstance(self.completion, Ok):
            return "ok"
        return "fail" if isinstance(self.completion, Fail) else "unknown"

    @property
    def value(self) -> dict[str, object]:
        """The answer's JSON object, empty without an answer."""
        return {} if self.completion is None else self.completion.value

    @property
    def events(self) -> tuple[int, ...]:
        """Indexes of its events, as evidence."""
        done = () if self.completion is None else (self.completion.index,)
        return (self.invoke.index, *done)


@dataclass(frozen=True)
class FaultSpan:
    """One injection from `asked` to its last state."""

    events: tuple[Fault, ...]

    @property
    def first(self) -> Fault:
        """The `asked` event."""
        return self.events[0]

    def at(self, *states: str) -> float | None:
        """When it first reached one of `states`, in seconds of the run."""
        return next((event.t for event in self.events if event.state in states), None)

    @property
    def start(self) -> float:
        """When it began to bite: verified, else injected, else asked."""
        found = self.at("verified", "unverified"), self.at("injected")
        return next((t for t in found if t is not None), self.first.t)

    @property
    def end(self) -> float | None:
        """When it was seen to be gone; None while it lasts or where it could not be healed."""
        return self.at("healed")


@dataclass(frozen=True)
class Span:
    """`value` held from `start` to `end`, in seconds of the run."""

    value: str
    start: float
    end: float
    index: int


class History:
    """The events of one run, by time. Everything on it is derived from that list."""

    def __init__(self, events: Iterable[AnyEvent], damaged: int = 0) -> None:
        self.events: Sequence[AnyEvent] = tuple(events)
        self.damaged = damaged
        """Lines of its files that could not be read: with any, the run proves nothing."""
        self._kinds: dict[type[Event], tuple[Any, ...]] = {}

    @classmethod
    def read(cls, run: Path) -> "History":
        """The history in the folder `run`, merged from its parts if the run was cut short.

        Raises:
            HarnessError: there is none.
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
        """The events of one kind, by time."""
        if kind not in self._kinds:  # every check asks; a long run has millions of events
            self._kinds[kind] = tuple(event for event in self.events if isinstance(event, kind))
        return iter(self._kinds[kind])

    @cached_property
    def started(self) -> Started:
        """How the run began.

        Raises:
            HarnessError: the history does not say.
        """
        for event in self.of(Started):
            return event
        raise HarnessError("the history does not say how the run began, so it is no run's")

    @cached_property
    def end(self) -> float:
        """When the last event happened."""
        return self.events[-1].t if self.events else 0.0

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """Every operation, by the time of its invocation."""
        answers = {
            event.id: event for event in self.events if isinstance(event, Ok | Fail | Unknown)
        }
        return tuple(Request(event, answers.get(event.id)) for event in self.of(Invoke))

    @cached_property
    def faults(self) -> tuple[FaultSpan, ...]:
        """Every injection, by the time at which it was asked for."""
        spans: dict[str, list[Fault]] = {}
        for event in self.of(Fault):
            spans.setdefault(event.id, []).append(event)
        return tuple(FaultSpan(tuple(events)) for events in spans.values())

    def modes(self, service: str) -> tuple[Span, ...]:
        """The modes of `service` as spans that cover the run.

        Each of its processes is `automatic` until it says else: what one said is no word about the
        next.
        """
        spans, value, since, index = [], "automatic", 0.0, -1
        for event in self._beginnings:
            now = event.mode if isinstance(event, Mode) else "automatic"
            if event.service != service or now == value:
                continue
            if event.t > since:
                spans.append(Span(value, since, event.t, index))
            value, since, index = now, event.t, event.index
        spans.append(Span(value, since, max(self.end, since), index))
        return tuple(spans)

    def real(self, life: float) -> float:
        """Seconds of the run in `life` seconds."""
        return life / self.started.pace

    def life(self, t: float) -> float:
        """Seconds of life in `t` seconds of the run."""
        return t * self.started.pace

    def calendar(self, t: float) -> datetime:
        """The date and hour of life at `t`."""
        return datetime.fromisoformat(self.started.origin) + timedelta(seconds=self.life(t))

    @cached_property
    def _beginnings(self) -> tuple[Mode | Node, ...]:
        """Of modes: what a service said, or that it was started."""
        return tuple(
            event
            for event in self.events
            if isinstance(event, Mode) or (isinstance(event, Node) and event.state == "started")
        )
