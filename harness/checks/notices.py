"""Was the public told in time, often enough, in every language, and to the end?

An outage is public from its first `disruption` to its `all-clear`; between them notices follow
each other at most `every` apart. The all-clear may not come while a fault bites or a service is
still in fallback, and must come within `after` of the moment from which all is normal: the last
heal, the last return to automatic, or the last stage done.
"""

from collections.abc import Iterator
from itertools import pairwise

from pydantic import Field

from harness.history import History, Mode, Notice, Stage
from harness.scenario import Duration

from ._check import Check, Verdict
from ._match import Names
from ._outage import Outage, outages, whole
from ._words import both, count, duration, proof, real, took


class Notices(Check, name="notices"):
    """From detection to all-clear: the first notice soon, none missing, none in one tongue only."""

    first: Duration = Field(description="From the fault to the first notice.")
    every: Duration = Field(description="The promised interval.")
    after: Duration = Field(description="From all being normal to the all-clear.")
    languages: Names = Field(default=(), description="Each notice has a text in each.")
    service: str | None = Field(default=None, description="Who publishes; without it, anybody.")
    step: Names = Field(default=(), description="Fault steps; without any, all.")
    jitter: Duration = Field(
        default=0.25, description="Real time: how late a log line may be read, on every limit."
    )

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        outage = whole(history, self.step)
        if isinstance(outage, str):
            return self.unclear(outage)
        said = [n for n in history.of(Notice) if self.service in (None, n.service)]
        after = [notice for notice in said if notice.t >= outage.asked]
        measured: dict[str, float] = {"notices": len(after)}
        for reason, evidence in (
            *self._late_start(history, after),
            *self._mute(after),
            *self._gaps(history, after),
            *self._too_soon(history, after),
        ):
            return self.failed(reason, proof(evidence), **measured)
        return self._to_the_end(history, outage, after, measured)

    def _to_the_end(
        self, history: History, outage: Outage, after: list[Notice], measured: dict[str, float]
    ) -> Verdict:
        clear = after[-1] if after and after[-1].state == "all-clear" else None
        normal = _normal_since(history, outage.end)
        if normal is None:
            if outage.end is None:
                return self.unclear("the outage was not seen to end, so no all-clear was due")
            return self.unclear("the system never was normal again, so no all-clear was due")
        limit = normal + real(history, self.after) + self.jitter
        if clear is None and history.end <= limit:
            return self.unclear("the run ended before the all-clear was due", (), **measured)
        if clear is None or clear.t > limit:
            waited = took(history, (history.end if clear is None else clear.t) - normal)
            told = "no all-clear came in" if clear is None else "the all-clear came only after"
            return self.failed(
                f"{told} {waited} of all being normal, where {duration(self.after)} are allowed",
                proof([(after[-1] if after else outage.spans[0].first).index]),
                **measured,
            )
        longest = max((b.t - a.t for a, b in _pairs(after)), default=0.0)
        measured |= both(history, "longest_gap", longest)
        measured |= both(history, "first", after[0].t - outage.start)
        return self.passed(
            f"{count(len(after), 'notice')}, never more than {took(history, longest)} apart",
            proof(notice.index for notice in after),
            **measured,
        )

    def _late_start(self, history: History, said: list[Notice]) -> Iterator[tuple[str, list[int]]]:
        """Each outage is announced in time, unless the public already knows of one."""
        for outage in outages(history, self.step):
            known = [notice for notice in said if notice.t < outage.start]
            if known and known[-1].state != "all-clear":
                continue
            limit = outage.start + real(history, self.first) + self.jitter
            told = next((n for n in said if n.t >= outage.asked and n.state == "disruption"), None)
            if told is None and history.end <= limit:
                continue
            if told is None or told.t > limit:
                moment = history.end if told is None else told.t
                came = "no notice of a disruption came in"
                found = came if told is None else "the first notice came after"
                reason = (
                    f"{found} {took(history, moment - outage.start)} of {outage.label}, where "
                    f"{duration(self.first)} are allowed"
                )
                yield reason, [outage.events[0], *([] if told is None else [told.index])]

    def _mute(self, said: list[Notice]) -> Iterator[tuple[str, list[int]]]:
        for notice in said:
            missing = [
                tongue for tongue in self.languages if not notice.texts.get(tongue, "").strip()
            ]
            if missing:
                yield f"notice {notice.number} has no text in {missing[0]!r}", [notice.index]

    def _gaps(self, history: History, said: list[Notice]) -> Iterator[tuple[str, list[int]]]:
        limit = real(history, self.every) + self.jitter
        pairs = [(a.t, b.t, [a.index, b.index]) for a, b in _pairs(said)]
        if said and said[-1].state != "all-clear":
            pairs.append((said[-1].t, history.end, [said[-1].index]))
        for earlier, later, evidence in sorted(pairs, key=lambda pair: pair[0] - pair[1]):
            if later - earlier > limit:
                reason = (
                    f"the public heard nothing for {took(history, later - earlier)}, where a "
                    f"notice is promised every {duration(self.every)}"
                )
                yield reason, evidence

    def _too_soon(self, history: History, said: list[Notice]) -> Iterator[tuple[str, list[int]]]:
        for notice in (notice for notice in said if notice.state == "all-clear"):
            for outage in outages(history, self.step):
                if outage.start < notice.t and (
                    outage.lifting is None or notice.t < outage.lifting
                ):
                    yield f"the all-clear came while {outage.label} still lasted", [notice.index]
            for service in sorted({mode.service for mode in history.of(Mode)}):
                for span in history.modes(service):
                    inside = span.start < notice.t - self.jitter and notice.t < span.end
                    if inside and span.value != "automatic":
                        told = f"the all-clear came while {service} was still {span.value}"
                        yield told, [notice.index, span.index]


def _pairs(said: list[Notice]) -> list[tuple[Notice, Notice]]:
    """Neighbours between which the public was waiting for news."""
    return [(a, b) for a, b in pairwise(said) if a.state != "all-clear"]


def _normal_since(history: History, end: float | None) -> float | None:
    """From when on everything was normal to the end; None if it is not."""
    if end is None:
        return None
    moments = [end]
    for service in {mode.service for mode in history.of(Mode)}:
        last = history.modes(service)[-1]
        if last.value != "automatic":
            return None
        moments.append(last.start)
    stages = {(event.service, event.stage): event for event in history.of(Stage)}
    if any(event.state != "done" for event in stages.values()):
        return None
    return max([*moments, *(event.t for event in stages.values())])
