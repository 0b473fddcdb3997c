"""Is the system well before the first fault?

A violation is `inconclusive` and not `fail`: a system that had problems before the fault shows
neither that its fallback works nor that it does not.
"""

from pydantic import Field

from harness.history import History

from ._check import Check, Verdict, as_evidence
from ._match import Names
from ._named import Services
from ._text import count_text, list_text, percent_text, too_few_text
from ._window import baseline


class SteadyState(Check, name="steady_state"):
    """Passes if before the first fault requests succeed and every service is automatic.

    Otherwise inconclusive, never a failure. In a run without a fault the whole run is judged.

    Measured:
        requests: requests answered before the first fault, number.
        errors: those that failed or are unknown, number; lower is better.
        error_rate: errors per request, 0 to 1; lower is better.
    """

    ops: Names = Field(default=(), description="Operations that are counted; all if empty.")
    min_requests: int = Field(
        default=30, ge=1, description="Fewer requests before the fault are inconclusive."
    )
    error_rate: float = Field(
        default=0.01, ge=0, le=1, description="Largest share of requests that may fail."
    )
    services: Services = Field(
        default=(), description="Services that must be automatic; all if empty."
    )

    def judge(self, history: History) -> Verdict:
        """Look at modes and requests before the first fault was asked for."""
        before = baseline(history, self.ops)
        errors = [request for request in before.requests if request.outcome != "ok"]
        total = len(before.requests)
        measured: dict[str, float] = {"requests": total, "errors": len(errors)}
        for service in self.services or history.reported_modes:
            for span in history.modes(service):
                if span.value != "automatic" and span.start < before.stop:
                    reason = f"{service} was already {span.value} before the first fault"
                    return self.inconclusive(
                        f"no baseline: {reason}", as_evidence([span.index]), **measured
                    )
        too_few = too_few_text(total, self.min_requests, "request", "before the first fault")
        if too_few:
            return self.inconclusive(f"no baseline: {too_few}", (), **measured)
        rate = len(errors) / total
        measured["error_rate"] = round(rate, 4)
        if rate > self.error_rate:
            ops = list_text(sorted({request.invoke.op for request in errors}))
            return self.inconclusive(
                f"no baseline: {percent_text(len(errors), total)} of requests failed before the "
                f"first fault, where {percent_text(self.error_rate, 1)} are allowed ({ops})",
                as_evidence(i for request in errors for i in request.events),
                **measured,
            )
        return self.passed(
            f"{count_text(total, 'request')} before the first fault, "
            f"{percent_text(len(errors), total)} of them failed",
            (),
            **measured,
        )
