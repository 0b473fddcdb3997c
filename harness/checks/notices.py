"""Are notices to the public in time, frequent enough, in every language, and until the end?

An outage is public from its first `disruption` notice to its `all-clear`; between them consecutive
notices are at most `every` apart. The all-clear may not come during a fault or while a service is
in fallback, and must come within `after` of the moment from which everything is normal: the last
heal, the last return to automatic, or the last stage done.
"""

from collections.abc import Iterator
from itertools import pairwise

from pydantic import Field

from harness.history import History, Notice, Stage
from harness.scenario import Duration

from ._check import Check, Verdict, as_evidence
from ._durations import duration_text, elapsed_text, measured_duration, wall_seconds
from ._match import Names
from ._named import OptionalService, Steps
from ._outage import Outage, combined_outage, outages
from ._text import count_text

_Problem = tuple[str, list[int]]
"""The reason of a failure, and the indexes of the events that prove it."""


class Notices(Check, name="notices"):
    """Passes if notices come within `first` of the fault, then every `every`, then an all-clear.

    Fails if a notice is late or missing, lacks a language, or if the all-clear is false or late.

    Measured:
        notices: notices since the first fault, number.
        longest_gap_life_s, longest_gap_real_s: longest time between two notices of an outage, in
            scenario and wall-clock seconds; lower is better.
        first_life_s, first_real_s: time from the fault to the first notice; lower is better.
    """

    first: Duration = Field(description="Most time from the fault to the first notice.")
    every: Duration = Field(description="Most time between two notices.")
    after: Duration = Field(description="Most time from the return to normal until the all-clear.")
    languages: Names = Field(
        default=(), description="Languages in which every notice must have a text."
    )
    service: OptionalService = Field(
        default=None, description="The service that publishes them; any if not given."
    )
    step: Steps = Field(default=(), description="Fault steps that are judged; all if empty.")
    jitter: Duration = Field(
        default=0.25,
        description="Wall-clock time by which a log line may be read late; added to every limit.",
    )

    def judge(self, history: History) -> Verdict:
        """Look for the first problem of the notices; without one, judge the all-clear."""
        outage = combined_outage(history, self.step)
        if isinstance(outage, str):
            return self.inconclusive(outage)
        notices = [
            notice
            for notice in history.of(Notice)
            if self.service in (None, notice.service) and notice.t >= outage.asked_at
        ]
        measured: dict[str, float] = {"notices": len(notices)}
        for reason, evidence in (
            *self._late_first(history, notices),
            *self._missing_languages(notices),
            *self._gaps(history, notices),
            *self._false_all_clear(history, notices),
        ):
            return self.failed(reason, as_evidence(evidence), **measured)
        return self._judge_all_clear(history, outage, notices, measured)

    def _judge_all_clear(
        self, history: History, outage: Outage, notices: list[Notice], measured: dict[str, float]
    ) -> Verdict:
        clear = notices[-1] if notices and notices[-1].state == "all-clear" else None
        normal = _normal_since(history, outage.end)
        if normal is None:
            if outage.end is None:
                return self.inconclusive(
                    "the outage was not verified as healed, so no all-clear was due"
                )
            return self.inconclusive("the system did not return to normal; no all-clear was due")
        limit = normal + wall_seconds(history, self.after) + self.jitter
        if clear is None and history.end <= limit:
            return self.inconclusive("the run ended before the all-clear was due", (), **measured)
        if clear is None or clear.t > limit:
            waited = elapsed_text(history, (history.end if clear is None else clear.t) - normal)
            came = "no all-clear came within" if clear is None else "the all-clear came only after"
            return self.failed(
                f"{came} {waited} of the return to normal, where {duration_text(self.after)} are "
                "allowed",
                as_evidence([(notices[-1] if notices else outage.spans[0].first).index]),
                **measured,
            )
        longest = max((b.t - a.t for a, b in _pairs(notices)), default=0.0)
        measured |= measured_duration(history, "longest_gap", longest)
        measured |= measured_duration(history, "first", notices[0].t - outage.start)
        return self.passed(
            f"{count_text(len(notices), 'notice')}, at most {elapsed_text(history, longest)} apart",
            as_evidence(notice.index for notice in notices),
            **measured,
        )

    def _late_first(self, history: History, notices: list[Notice]) -> Iterator[_Problem]:
        """Yield outages that were not announced in time, unless the public knew of an earlier one.

        A run that ended before the limit is no problem: that notice was not due yet.
        """
        for outage in outages(history, self.step):
            earlier = [notice for notice in notices if notice.t < outage.start]
            if earlier and earlier[-1].state != "all-clear":
                continue
            limit = outage.start + wall_seconds(history, self.first) + self.jitter
            first = next(
                (n for n in notices if n.t >= outage.asked_at and n.state == "disruption"), None
            )
            if first is None and history.end <= limit:
                continue
            if first is None or first.t > limit:
                t = history.end if first is None else first.t
                came = (
                    "no notice of a disruption came within"
                    if first is None
                    else "the first notice came only after"
                )
                reason = (
                    f"{came} {elapsed_text(history, t - outage.start)} of {outage.label}, where "
                    f"{duration_text(self.first)} are allowed"
                )
                yield reason, [outage.events[0], *([] if first is None else [first.index])]

    def _missing_languages(self, notices: list[Notice]) -> Iterator[_Problem]:
        for notice in notices:
            missing = [
                language
                for language in self.languages
                if not notice.texts.get(language, "").strip()
            ]
            if missing:
                yield f"notice {notice.number} has no text in {missing[0]!r}", [notice.index]

    def _gaps(self, history: History, notices: list[Notice]) -> Iterator[_Problem]:
        """Yield the gaps between notices that are too long, the longest first."""
        limit = wall_seconds(history, self.every) + self.jitter
        pairs = [(a.t, b.t, [a.index, b.index]) for a, b in _pairs(notices)]
        if notices and notices[-1].state != "all-clear":
            pairs.append((notices[-1].t, history.end, [notices[-1].index]))
        for earlier, later, evidence in sorted(pairs, key=lambda pair: pair[0] - pair[1]):
            if later - earlier > limit:
                reason = (
                    f"no notice was published for {elapsed_text(history, later - earlier)}, where "
                    f"one is promised every {duration_text(self.every)}"
                )
                yield reason, evidence

    def _false_all_clear(self, history: History, notices: list[Notice]) -> Iterator[_Problem]:
        for notice in (notice for notice in notices if notice.state == "all-clear"):
            for outage in outages(history, self.step):
                if outage.start < notice.t and (
                    outage.heal_start is None or notice.t < outage.heal_start
                ):
                    yield f"the all-clear came while {outage.label} still lasted", [notice.index]
            for service, spans in history.reported_modes.items():
                for span in spans:
                    during = span.start < notice.t - self.jitter and notice.t < span.end
                    if during and span.value != "automatic":
                        reason = f"the all-clear came while {service} was still {span.value}"
                        yield reason, [notice.index, span.index]


def _pairs(notices: list[Notice]) -> list[tuple[Notice, Notice]]:
    """Return consecutive notices, without those whose first is an all-clear."""
    return [(a, b) for a, b in pairwise(notices) if a.state != "all-clear"]


def _normal_since(history: History, end: float | None) -> float | None:
    """Return from when on everything was normal until the end of the run; None if it was not.

    Args:
        history: the run.
        end: when the outage was verified as healed; None if it was not.
    """
    if end is None:
        return None
    times = [end]
    for spans in history.reported_modes.values():
        last = spans[-1]
        if last.value != "automatic":
            return None
        times.append(last.start)
    stages = {(event.service, event.stage): event for event in history.of(Stage)}
    if any(event.state != "done" for event in stages.values()):
        return None
    return max([*times, *(event.t for event in stages.values())])
