"""Did the backlog only shrink after recovery, and to zero in time?

Each service reports how much is pending. From the heal on, it may grow only where new fallback
work explains it: with `adds`, by no more in total than the answers of that kind that the service
gave since the heal (an unknown outcome counts as one, for it may have been written down); without
`adds`, freely while the service is `manual` (it has not begun to drain) and not at all otherwise.
Reports and answers are read by different processes, and a report may be read a moment after it was
true. So answers count from the report before the first one on, and up to the next one after growth.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from pydantic import Field

from harness.history import Ended, Gauge, History, LogEvent
from harness.scenario import Duration, Model

from ._check import Check, Verdict
from ._match import Fields, Names, matches, select
from ._outage import healed
from ._words import both, count, duration, listed, proof, real, took


class Adds(Model):
    """Answers that each may have put one record on the backlog."""

    ops: Names
    when: Fields = Field(default={}, description="Fields of the answer, e.g. {path: manual}.")


@dataclass(frozen=True)
class _Report:
    t: float
    pending: float
    index: int
    since: float
    """When the report before it was read: it was true at some moment from then to `t`."""


class BacklogDrains(Check, name="backlog_drains"):
    """After the last heal the backlog of `services` shrinks, and is zero within `within`."""

    services: Names = Field(min_length=1, description="Who has a backlog.")
    within: Duration = Field(description="How long draining may take from the heal.")
    event: str = Field(default="journal", description="The event that reports it, or `gauge`.")
    field: str = Field(default="pending", description="Its field with the number pending.")
    adds: Adds | None = None
    step: Names = Field(default=(), description="Fault steps; without any, all.")

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        found = healed(history, self.step)
        if isinstance(found, str):
            return self.unclear(found)
        _, start = found
        series = {name: self._reports(history, name, start) for name in self.services}
        most = sum(max((r.pending for r in own), default=0.0) for own in series.values())
        measured: dict[str, float] = {"most_pending": most}
        if most <= 0:
            return self.unclear("there never was a backlog to drain after recovery", (), **measured)
        for service, own in series.items():
            grown = self._grown(history, service, own, start)
            if grown is not None:
                before, after = grown
                return self.failed(
                    f"{service}'s backlog grew from {before.pending:.0f} to {after.pending:.0f} "
                    f"{took(history, after.t - start)} after recovery, and no new fallback work "
                    "explains it",
                    proof([after.index, before.index]),
                    **measured,
                )
        return self._emptied(history, series, start, measured)

    def _emptied(
        self,
        history: History,
        series: dict[str, list[_Report]],
        start: float,
        measured: dict[str, float],
    ) -> Verdict:
        deadline = start + real(history, self.within)
        left = {name: own[-1] for name, own in series.items() if own and own[-1].pending > 0}
        if left:
            told = listed(f"{name} {report.pending:.0f}" for name, report in left.items())
            evidence = proof(report.index for report in left.values())
            ended = next(history.of(Ended), None)
            if history.end < deadline and not (ended is not None and ended.quiescent):
                reason = f"the run ended before the limit with records pending ({told})"
                return self.unclear(reason, evidence, **measured)
            reason = f"the backlog never came down to zero: {told} still pending at the end"
            return self.failed(reason, evidence, **measured)
        last = max(_emptied(own) for own in series.values() if own)
        measured |= both(history, "drained", max(0.0, last[0] - start))
        spent = took(history, max(0.0, last[0] - start))
        if last[0] > deadline:
            return self.failed(
                f"the backlog took {spent} to drain, where {duration(self.within)} are allowed",
                proof([last[1]]),
                **measured,
            )
        return self.passed(
            f"{count(round(measured['most_pending']), 'pending record')} drained within {spent}",
            proof([last[1]]),
            **measured,
        )

    def _reports(self, history: History, service: str, start: float) -> list[_Report]:
        """The reports after `start`, led by the last one before it as what there was to drain."""
        found: list[_Report] = []
        for event in history.events:
            value: object = None
            if (
                isinstance(event, LogEvent)
                and event.service == service
                and event.event == self.event
            ):
                value = event.data.get(self.field)
            elif isinstance(event, Gauge) and event.service == service and self.event == "gauge":
                value = event.values.get(self.field)
            if isinstance(value, int | float):
                since = found[-1].t if found else event.t
                found.append(_Report(event.t, float(value), event.index, since))
        first = bisect_right([report.t for report in found], start)
        return found[max(0, first - 1) :]

    def _grown(
        self, history: History, service: str, own: list[_Report], start: float
    ) -> tuple[_Report, _Report] | None:
        """The first growth that nothing explains, as the reports on either side of it."""
        # The last report before recovery leads; whatever it may not have counted explains as much.
        added = self._added(history, service, min([start, *(report.since for report in own)]))
        spans, grown = history.modes(service), 0.0
        for place, (before, after) in enumerate(pairwise(own)):
            if after.pending <= before.pending:
                continue
            grown += after.pending - before.pending
            following = own[place + 2].t if place + 2 < len(own) else history.end
            if added is not None:
                explained = grown <= bisect_right(added, following)
            else:
                explained = any(
                    s.value == "manual" and s.start <= after.t and s.end >= before.t for s in spans
                )
            if not explained:
                return before, after
        return None

    def _added(self, history: History, service: str, start: float) -> list[float] | None:
        if self.adds is None:
            return None
        moments = []
        for request in select(history, self.adds.ops, (service,)):
            t = request.invoke.t if request.completion is None else request.completion.t
            wrote = request.outcome == "ok" and matches(request.value, self.adds.when)
            if t >= start and (wrote or request.outcome == "unknown"):
                moments.append(t)
        return sorted(moments)


def _emptied(own: list[_Report]) -> tuple[float, int]:
    """When the reports came down to zero for the last time, and the one that says so."""
    zero = own[-1]
    for report in reversed(own):
        if report.pending > 0:
            break
        zero = report
    return zero.t, zero.index
