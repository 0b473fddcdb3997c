"""The data of the charts, derived from a history: rates per bin, levels, spans."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TypeVar

from harness.checks import quantile
from harness.history import FaultSpan, Gauge, History, Notice, Request, Span, Stage

BINS = 120
"""Points along the time axis: about as many as the width of a phone can show."""
COLOURS = 8
"""Curves in one chart that can be distinguished by colour."""

T = TypeVar("T")


@dataclass(frozen=True)
class Curve:
    """One line of a chart: its name and its value in each bin."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Band:
    """A labelled period of time, shaded behind every chart."""

    label: str
    start: float
    end: float


class Series:
    """All data of one run, over the same bins from the start of the run to its last event."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.end = max(history.end, 0.001)
        self.width = self.end / BINS
        self.middles = tuple((i + 0.5) * self.width for i in range(BINS))

    def _bin(self, t: float) -> int:
        return min(max(int(t / self.width), 0), BINS - 1)

    def _rate(self, times: Iterable[float]) -> tuple[float, ...]:
        """Return in each bin how many `times` are in it, per wall-clock second."""
        counts = [0] * BINS
        for t in times:
            counts[self._bin(t)] += 1
        return tuple(count / self.width for count in counts)

    @cached_property
    def faults(self) -> tuple[Band, ...]:
        """Return for each injection the period from when it was in place until it was healed."""
        return tuple(
            Band(span.first.step, injected_at(span), self.end if span.end is None else span.end)
            for span in self.history.faults
        )

    @cached_property
    def arrivals(self) -> tuple[Curve, ...]:
        """Return the scheduled requests per second, by operation."""
        due: dict[str, list[float]] = defaultdict(list)
        for request in self.history.requests:
            due[request.invoke.op].append(request.invoke.due)
        return tuple(Curve(op, self._rate(times)) for op, times in sorted(due.items()))

    @cached_property
    def paths(self) -> tuple[Curve, ...]:
        """Return the successful requests per second, by operation and path; see `path_of`."""
        done: dict[str, list[float]] = defaultdict(list)
        for request in served(self.history):
            assert request.completion is not None
            done[path_of(request)].append(request.completion.t)
        return tuple(Curve(path, self._rate(times)) for path, times in sorted(done.items()))

    @cached_property
    def outcomes(self) -> tuple[Curve, ...]:
        """Return failed requests, and those with unknown outcome, per second."""
        times: dict[str, list[float]] = {"fail": [], "unknown": []}
        for request in self.history.requests:
            if request.completion is not None and request.outcome != "ok":
                times[request.outcome].append(request.completion.t)
        return tuple(Curve(name, self._rate(found)) for name, found in times.items())

    @cached_property
    def in_flight(self) -> tuple[Curve, ...]:
        """Return the requests in flight in the middle of each bin, by operation."""
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
        """Return median and 95th percentile of requests with a response, in milliseconds."""
        found: list[list[float]] = [[] for _ in range(BINS)]
        for request in self.history.requests:
            if request.completion is not None and request.completion.status:
                found[self._bin(request.completion.t)].append(request.completion.latency * 1000)
        return (
            Curve("median", tuple(_quantile(values, 0.5) for values in found)),
            Curve("95th percentile", tuple(_quantile(values, 0.95) for values in found)),
        )

    def gauge(self, key: str) -> tuple[Curve, ...]:
        """Return the gauge `key` by service, constant from one report to the next.

        Services that always report 0 are left out.
        """
        reports: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for event in self.history.of(Gauge):
            if key in event.values:
                reports[event.service].append((event.t, event.values[key]))
        curves = []
        for service, values in sorted(reports.items()):
            if any(value for _, value in values):
                at = _step_function(values)
                curves.append(Curve(service, tuple(at(t) for t in self.middles)))
        return tuple(curves)

    @cached_property
    def modes(self) -> dict[str, tuple[Span, ...]]:
        """Return the mode spans of every service that ever reported a mode."""
        return self.history.reported_modes

    @cached_property
    def stages(self) -> dict[str, tuple[Span, ...]]:
        """Return the stages of the recovery plan as spans, whose value is `state share`."""
        found: dict[str, list[Stage]] = defaultdict(list)
        for event in self.history.of(Stage):
            found[event.stage].append(event)
        return {stage: self._spans(events) for stage, events in found.items()}

    def _spans(self, events: list[Stage]) -> tuple[Span, ...]:
        """Return each state until the next one; a repeated report does not end a span."""
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
        """Return the notices, in order of time."""
        return tuple(self.history.of(Notice))


def injected_at(span: FaultSpan) -> float:
    """Return when a fault was in place; it is verified, and counts for checks, a little later."""
    injected = span.at("injected")
    return span.first.t if injected is None else injected


def served(history: History) -> list[Request]:
    """Return successful requests: those whose response has a `path`, or all if none has one."""
    ok = [request for request in history.requests if request.outcome == "ok"]
    return [request for request in ok if "path" in request.value] or ok


def path_of(request: Request) -> str:
    """Return how a successful request was served: `op, path`, or `op` without a path."""
    path = request.value.get("path")
    op = request.invoke.op
    return op if path is None or path == op else f"{op}, {path}"


def _quantile(values: list[float], q: float) -> float:
    """Return the quantile, or NaN without values, which leaves a gap in the chart."""
    return quantile(values, q) if values else float("nan")


def largest(curves: Sequence[Curve], most: int = COLOURS) -> tuple[Curve, ...]:
    """Return at most `most` curves: the largest of `curves`, and the sum of all others."""
    if len(curves) <= most:
        return tuple(curves)
    size = {curve.name: sum(value for value in curve.values if value > 0) for curve in curves}
    kept = set(sorted(size, key=lambda name: -size[name])[: most - 1])
    rest = [curve.values for curve in curves if curve.name not in kept]
    others = Curve(f"{len(rest)} others together", tuple(map(sum, zip(*rest, strict=True))))
    return (*(curve for curve in curves if curve.name in kept), others)


def thinned(events: Sequence[T], most: int) -> tuple[T, ...]:
    """Return at most `most` of `events`, evenly chosen, including the first and the last."""
    if len(events) <= most:
        return tuple(events)
    return tuple(events[i * (len(events) - 1) // (most - 1)] for i in range(most))


def _step_function(values: list[tuple[float, float]]) -> Callable[[float], float]:
    """Return the step function through `values`, pairs of time and level; 0 before the first."""
    times = [t for t, _ in values]
    levels = [0.0, *(value for _, value in values)]
    return lambda t: levels[bisect_right(times, t)]
