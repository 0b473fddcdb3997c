"""Does the backlog only shrink after recovery, and reach zero in time?

Each service reports how many records are pending. After the heal the number may grow only where
new fallback work explains it: with `adds`, by no more in total than the matching answers that the
service gave since the heal (an answer with unknown outcome counts, because its record may have been
written); without `adds`, without limit while the service is `manual` (it has not begun to drain)
and not at all otherwise.

Reports and answers are read by different processes, and a report may be read a moment after it was
true. So answers count from the report before the first one on, and up to the one that follows the
growth.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from pydantic import Field

from harness.history import Ended, Gauge, History, LogEvent
from harness.scenario import Duration, Model

from ._check import Check, Verdict, as_evidence
from ._durations import duration_text, elapsed_text, measured_duration, wall_seconds
from ._match import Fields, Names, matches, select_requests
from ._named import Services, Steps
from ._outage import healed_outage
from ._text import count_text, list_text


class Adds(Model):
    """Answers that may each have added one record to the backlog."""

    ops: Names
    when: Fields = Field(default={}, description="Fields of such an answer, as in {path: manual}.")


@dataclass(frozen=True)
class _Report:
    t: float
    pending: float
    index: int
    since: float
    """When the report before it was read: it was true at some moment from then to `t`."""


class BacklogDrains(Check, name="backlog_drains"):
    """Passes if after the last heal the backlog of `services` only shrinks, to 0 within `within`.

    Fails if it grows without new fallback work, or takes longer; inconclusive if there was none.

    Measured:
        most_pending: the largest backlog of each service after the heal, summed, in records.
        drained_life_s, drained_real_s: time from the heal until the last backlog was empty, in
            scenario and wall-clock seconds; lower is better.
    """

    services: Services = Field(min_length=1, description="Services that have a backlog.")
    within: Duration = Field(description="Most time from the heal until the backlog is empty.")
    event: str = Field(
        default="journal", description="Name of the log event that reports it, or `gauge`."
    )
    field: str = Field(default="pending", description="Field of it with the number pending.")
    adds: Adds | None = Field(
        default=None, description="Answers that explain growth; if not given, manual mode does."
    )
    step: Steps = Field(default=(), description="Fault steps that are judged; all if empty.")

    def judge(self, history: History) -> Verdict:
        """Follow the reports of each service from the heal on."""
        found = healed_outage(history, self.step)
        if isinstance(found, str):
            return self.inconclusive(found)
        _, start = found
        series = {name: self._reports(history, name, start) for name in self.services}
        most = sum(max((r.pending for r in own), default=0.0) for own in series.values())
        measured: dict[str, float] = {"most_pending": most}
        if most <= 0:
            reason = "there was no backlog to drain after recovery"
            return self.inconclusive(reason, (), **measured)
        for service, own in series.items():
            growth = self._unexplained_growth(history, service, own, start)
            if growth is not None:
                before, after = growth
                return self.failed(
                    f"{service}'s backlog grew from {before.pending:.0f} to {after.pending:.0f} "
                    f"{elapsed_text(history, after.t - start)} after recovery, and no new "
                    "fallback work explains it",
                    as_evidence([after.index, before.index]),
                    **measured,
                )
        return self._judge_end(history, series, start, measured)

    def _judge_end(
        self,
        history: History,
        series: dict[str, list[_Report]],
        start: float,
        measured: dict[str, float],
    ) -> Verdict:
        deadline = start + wall_seconds(history, self.within)
        left = {name: own[-1] for name, own in series.items() if own and own[-1].pending > 0}
        if left:
            pending = list_text(f"{name} {report.pending:.0f}" for name, report in left.items())
            evidence = as_evidence(report.index for report in left.values())
            ended = next(history.of(Ended), None)
            if history.end < deadline and not (ended is not None and ended.quiescent):
                reason = f"the run ended before the limit with records pending ({pending})"
                return self.inconclusive(reason, evidence, **measured)
            reason = f"the backlog was not empty at the end of the run: {pending} pending"
            return self.failed(reason, evidence, **measured)
        last = max((_emptied(own) for own in series.values() if own), key=lambda report: report.t)
        seconds = max(0.0, last.t - start)
        measured |= measured_duration(history, "drained", seconds)
        evidence = as_evidence([last.index])
        if last.t > deadline:
            return self.failed(
                f"the backlog took {elapsed_text(history, seconds)} to drain, where "
                f"{duration_text(self.within)} are allowed",
                evidence,
                **measured,
            )
        records = count_text(round(measured["most_pending"]), "pending record")
        return self.passed(
            f"{records} drained within {elapsed_text(history, seconds)}", evidence, **measured
        )

    def _reports(self, history: History, service: str, start: float) -> list[_Report]:
        """Return the reports after `start`, and before them the last earlier one.

        That one is what there was to drain.
        """
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

    def _unexplained_growth(
        self, history: History, service: str, own: list[_Report], start: float
    ) -> tuple[_Report, _Report] | None:
        """Return the reports before and after the first growth that nothing explains."""
        # The first report is the last one before recovery. Answers that it may not have counted
        # explain growth as well.
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
        """Return the times of the answers that may have added a record; None without `adds`."""
        if self.adds is None:
            return None
        times = []
        for request in select_requests(history, self.adds.ops, (service,)):
            t = request.invoke.t if request.completion is None else request.completion.t
            added = request.outcome == "ok" and matches(request.value, self.adds.when)
            if t >= start and (added or request.outcome == "unknown"):
                times.append(t)
        return sorted(times)


def _emptied(own: list[_Report]) -> _Report:
    """Return the report from which on nothing was pending; the last report must be of 0."""
    zero = own[-1]
    for report in reversed(own):
        if report.pending > 0:
            break
        zero = report
    return zero
