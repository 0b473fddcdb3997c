"""Did every service leave its fallback after recovery, or is a circuit breaker stuck open?

From the limit on every service must be automatic and stay so; modes before the limit do not count.
The reason that a service logged for staying is quoted, and does not excuse it.
"""

from pydantic import Field

from harness.history import Ended, History, Mode, Span
from harness.scenario import Duration

from ._check import Check, Verdict, as_evidence
from ._durations import duration_text, elapsed_text, measured_duration, wall_seconds
from ._match import unknown_modes_text
from ._named import Services, Steps
from ._outage import healed_outage
from ._text import count_text, list_text


class LeavesFallback(Check, name="leaves_fallback"):
    """Passes if all `services` are automatic within `within` of the last heal, and stay so.

    Fails if one is still, or again, in fallback after that; inconclusive if one never logged a
    mode.

    Measured:
        slowest_life_s, slowest_real_s: time from the heal until the last service was automatic,
            in scenario and wall-clock seconds; lower is better.
        stuck: services in fallback after the limit, number; only in a failure.
    """

    services: Services = Field(min_length=1, description="Services that must be automatic again.")
    within: Duration = Field(description="Most time from the end of the last fault.")
    step: Steps = Field(default=(), description="Fault steps that are judged; all if empty.")

    def judge(self, history: History) -> Verdict:
        """Look for modes other than automatic after the limit."""
        found = healed_outage(history, self.step)
        if isinstance(found, str):
            return self.inconclusive(found)
        if unknown := unknown_modes_text(history, self.services):
            return self.inconclusive(unknown)
        outage, end = found
        deadline = end + wall_seconds(history, self.within)
        spans = {service: history.modes(service) for service in self.services}
        stuck = [
            (service, span)
            for service, own in spans.items()
            for span in own
            if span.value != "automatic" and (span.end > deadline or span is own[-1])
        ]
        if stuck:
            return self._stuck(history, stuck, end, deadline)
        if not any(
            s.value != "automatic" and s.end > outage.start for o in spans.values() for s in o
        ):
            return self.inconclusive("no service was in fallback, so none had to leave it")
        back = [s for own in spans.values() for s in own if s.value == "automatic" and s.index >= 0]
        last = max(back, key=lambda span: span.start)
        slowest = max(0.0, last.start - end)
        return self.passed(
            f"{count_text(len(spans), 'service was', 'services were')} automatic again within "
            f"{elapsed_text(history, slowest)} of recovery",
            as_evidence([last.index, *(span.index for span in back)]),
            **measured_duration(history, "slowest", slowest),
        )

    def _stuck(
        self, history: History, stuck: list[tuple[str, Span]], end: float, deadline: float
    ) -> Verdict:
        service, span = stuck[0]
        reason = next((m.reason for m in history.of(Mode) if m.index == span.index), "")
        evidence = as_evidence(span.index for _, span in stuck)
        ended = next(history.of(Ended), None)
        if history.end < deadline and not (ended is not None and ended.quiescent):
            waited = elapsed_text(history, max(0.0, history.end - end))
            return self.inconclusive(
                f"{service} was still {span.value} when the run ended {waited} after recovery, "
                f"before the limit of {duration_text(self.within)}",
                evidence,
            )
        lasted = max(0.0, span.end - end)
        others = list_text(dict.fromkeys(name for name, _ in stuck[1:] if name != service))
        also = f"; so was {others}" if others else ""
        return self.failed(
            f"{service} was still {span.value} {elapsed_text(history, lasted)} after recovery, "
            f"where {duration_text(self.within)} are allowed; "
            f"logged reason: {reason or 'none'}{also}",
            evidence,
            **measured_duration(history, "slowest", lasted),
            stuck=len({name for name, _ in stuck}),
        )
