"""Did every service leave its fallback after recovery, or is a breaker stuck?

From the limit on every service is automatic and stays so; what it does before is its own affair.
A reason that it gives for staying is quoted, and does not excuse it.
"""

from pydantic import Field

from harness.history import Ended, History, Mode, Span
from harness.scenario import Duration

from ._check import Check, Verdict
from ._match import Names, heard_of
from ._outage import healed
from ._words import both, count, duration, listed, proof, real, took


class LeavesFallback(Check, name="leaves_fallback"):
    """Within `within` of the last heal all `services` are automatic, and stay so."""

    services: Names = Field(min_length=1, description="Who must be automatic again.")
    within: Duration = Field(description="How long they may take from the end of the last fault.")
    step: Names = Field(default=(), description="Fault steps; without any, all.")

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        found = healed(history, self.step)
        if isinstance(found, str):
            return self.unclear(found)
        mute = set(self.services) - set(heard_of(history, self.services))
        if mute:
            return self.unclear(f"the history never mentions {listed(sorted(mute))}")
        outage, end = found
        deadline = end + real(history, self.within)
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
            return self.unclear("no service was in fallback, so none had to leave it")
        back = [s for own in spans.values() for s in own if s.value == "automatic" and s.index >= 0]
        last = max(back, key=lambda span: span.start)
        slowest = max(0.0, last.start - end)
        return self.passed(
            f"{count(len(spans), 'service was', 'services were')} automatic again within "
            f"{took(history, slowest)} of recovery",
            proof([last.index, *(span.index for span in back)]),
            **both(history, "slowest", slowest),
        )

    def _stuck(
        self, history: History, stuck: list[tuple[str, Span]], end: float, deadline: float
    ) -> Verdict:
        service, span = stuck[0]
        reason = next((m.reason for m in history.of(Mode) if m.index == span.index), "")
        evidence = proof(span.index for _, span in stuck)
        ended = next(history.of(Ended), None)
        if history.end < deadline and not (ended is not None and ended.quiescent):
            waited = took(history, max(0.0, history.end - end))
            return self.unclear(
                f"{service} was still {span.value} when the run ended {waited} after recovery, "
                f"before the limit of {duration(self.within)}",
                evidence,
            )
        lasted = max(0.0, span.end - end)
        others = listed(dict.fromkeys(name for name, _ in stuck[1:] if name != service))
        also = f" (so was {others})" if others else ""
        why = f"it says: {reason}" if reason else "it gives no reason"
        return self.failed(
            f"{service} was still {span.value} {took(history, lasted)} after recovery, where "
            f"{duration(self.within)} are allowed; {why}{also}",
            evidence,
            **both(history, "slowest", lasted),
            stuck=len({name for name, _ in stuck}),
        )
