"""What the charts draw, derived from a history: counts per bin, levels, spans. No drawing here."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TypeVar

from harness.checks import quantile
from harness.history import FaultSpan, Gauge, History, Mode, Notice, Request, Span, Stage

BINS = 120
"""Points along the time axis: about one a pixel column on a phone."""
COLOURS = 8
"""Curves that one chart can tell apart."""

T = TypeVar("T")


@dataclass(frozen=True)
class Curve:
    """One line: its name and its value in each bin."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Band:
    """A stretch of time with a label, shaded behind every chart."""

    label: str
    start: float
    end: float


class Series:
    """Everything over the same bins, from the run's begin to its last event."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.end = max(history.end, 0.001)
        self.width = self.end / BINS
        self.middles = tuple((i + 0.5) * self.width for i in range(BINS))

    def _bin(self, t: float) -> int:
        return min(max(int(t / self.width), 0), BINS - 1)

    def _rate(self, times: Iterable[float]) -> tuple[float, ...]:
        """Per real second."""
        counts = [0] * BINS
        for t in times:
            counts[self._bin(t)] += 1
        return tuple(count / self.width for count in counts)

    @cached_property
    def faults(self) -> tuple[Band, ...]:
        """When each fault was put in place, until it was healed."""
        return tuple(
            Band(span.first.step, begun(span), self.end if span.end is None else span.end)
            for span in self.history.faults
        )

    @cached_property
    def arrivals(self) -> tuple[Curve, ...]:
        """Requests that were due, per second, by operation."""
        due: dict[str, list[float]] = defaultdict(list)
        for request in self.history.requests:
            due[request.invoke.op].append(request.invoke.due)
        return tuple(Curve(op, self._rate(times)) for op, times in sorted(due.items()))

    @cached_property
    def paths(self) -> tuple[Curve, ...]:
        """Successful answers per second by the path that they name (`op, path`)."""
        done: dict[str, list[float]] = defaultdict(list)
        for request in served(self.history):
            assert request.completion is not None
            done[path_of(request)].append(request.completion.t)
        return tuple(Curve(path, self._rate(times)) for path, times in sorted(done.items()))

    @cached_property
    def outcomes(self) -> tuple[Curve, ...]:
        """Requests that failed, and those of which nobody can tell, per second."""
        times: dict[str, list[float]] = {"fail": [], "unknown": []}
        for request in self.history.requests:
            if request.completion is not None and request.outcome != "ok":
                times[request.outcome].append(request.completion.t)
        return tuple(Curve(name, self._rate(found)) for name, found in times.items())

    @cached_property
    def waiting(self) -> tuple[Curve, ...]:
        """Requests under way at each bin's end, by operation."""
        changes: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for request in self.history.requests:
            done = self.end if request.completion is None else request.completion.t
            changes[request.invoke.op] += [(request.invoke.t, 1), (done, -1)]
        curves = []
        for op, steps in sorted(changes.items()):
            steps.sort()
            times = [t for t, _ in steps]
            levels = [0, *accumulate(change for _, change in steps)]
            curves.append(
                Curve(op, tuple(float(levels[bisect_right(times, t)]) for t in self.middles))
            )
        return tuple(curves)

    @cached_property
    def latencies(self) -> tuple[Curve, ...]:
        """Median and 95th percentile of the answers that came, in real milliseconds."""
        found: list[list[float]] = [[] for _ in range(BINS)]
        for request in self.history.requests:
            if request.completion is not None and request.completion.status:
                found[self._bin(request.completion.t)].append(request.completion.latency * 1000)
        return (
            Curve("median", tuple(_quantile(values, 0.5) for values in found)),
            Curve("95th percentile", tuple(_quantile(values, 0.95) for values in found)),
        )

    def gauge(self, key: str) -> tuple[Curve, ...]:
        """A gauge by service, held from one report to the next; services always at 0 left out."""
        reports: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for event in self.history.of(Gauge):
            if key in event.values:
                reports[event.service].append((event.t, event.values[key]))
        curves = []
        for service, values in sorted(reports.items()):
            if any(value for _, value in values):
                at = held(values)
                curves.append(Curve(service, tuple(at(t) for t in self.middles)))
        return tuple(curves)

    @cached_property
    def modes(self) -> dict[str, tuple[Span, ...]]:
        """The mode bands of every service that ever changed its mode."""
        services = dict.fromkeys(event.service for event in self.history.of(Mode))
        return {service: self.history.modes(service) for service in sorted(services)}

    @cached_property
    def stages(self) -> dict[str, tuple[Span, ...]]:
        """The stages of the recovery plan as spans; `value` is `state share`."""
        found: dict[str, list[Stage]] = defaultdict(list)
        for event in self.history.of(Stage):
            found[event.stage].append(event)
        return {stage: self._spans(events) for stage, events in found.items()}

    def _spans(self, events: list[Stage]) -> tuple[Span, ...]:
        """Each state until the next one; a state that was only said again stays one span."""
        spans: list[Span] = []
        for event, end in zip(events, [*(e.t for e in events[1:]), self.end], strict=True):
            value = f"{event.state} {event.share:.0%}"
            if spans and spans[-1].value == value:
                spans[-1] = replace(spans[-1], end=end)
            else:
                spans.append(Span(value, event.t, end, event.index))
        return tuple(spans)

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """Notices to the public."""
        return tuple(self.history.of(Notice))


def begun(span: FaultSpan) -> float:
    """When a fault was put in place; that it bites is seen, and judged by, a little later."""
    injected = span.at("injected")
    return span.first.t if injected is None else injected


def served(history: History) -> list[Request]:
    """Successful requests: those whose answers name a path, or all if no answer does."""
    ok = [request for request in history.requests if request.outcome == "ok"]
    return [request for request in ok if "path" in request.value] or ok


def path_of(request: Request) -> str:
    """How a successful request was served: its operation, and the path if the answer says."""
    path = request.value.get("path")
    op = request.invoke.op
    return op if path is None or path == op else f"{op}, {path}"


def _quantile(values: list[float], q: float) -> float:
    """NaN of nothing, which the charts leave open."""
    return quantile(values, q) if values else float("nan")


def biggest(curves: Sequence[Curve], most: int = COLOURS) -> tuple[Curve, ...]:
    """`curves`, or the biggest of them and the sum of the others, if they are too many to tell."""
    if len(curves) <= most:
        return tuple(curves)
    size = {curve.name: sum(value for value in curve.values if value > 0) for curve in curves}
    kept = set(sorted(size, key=lambda name: -size[name])[: most - 1])
    rest = [curve.values for curve in curves if curve.name not in kept]
    others = Curve(f"{len(rest)} others together", tuple(map(sum, zip(*rest, strict=True))))
    return (*(curve for curve in curves if curve.name in kept), others)


def thinned(events: Sequence[T], most: int) -> tuple[T, ...]:
    """At most `most` of `events`, evenly, the first and the last among them."""
    if len(events) <= most:
        return tuple(events)
    return tuple(events[i * (len(events) - 1) // (most - 1)] for i in range(most))


def held(values: list[tuple[float, float]]) -> Callable[[float], float]:
    """A step function through `values`; 0 before the first."""
    times = [t for t, _ in values]
    levels = [0.0, *(value for _, value in values)]
    return lambda t: levels[bisect_right(times, t)]
