"""Was the system well before the first fault?

A violation is `inconclusive`, not `fail`: a system that was already ill when the data center was
taken away shows neither that its fallback works nor that it does not. Requests still under way
when the fault was asked for belong to the fault and are left out.
"""

from pydantic import Field

from harness.history import History, Mode, Request

from ._check import Check, Verdict
from ._match import Names, select
from ._outage import first_fault
from ._words import count, listed, proof, share


class SteadyState(Check, name="steady_state"):
    """Before the first fault (without one: all along), `ops` succeed and nobody is in fallback."""

    ops: Names = Field(default=(), description="Operations that count; without any, all.")
    min_requests: int = Field(default=30, ge=1)
    error_rate: float = Field(default=0.01, ge=0, le=1)
    services: Names = Field(default=(), description="Must be automatic; without any, all.")

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        fault = first_fault(history)
        until = history.end if fault is None else fault
        done = [r for r in select(history, self.ops) if _finished(r, until, fault is None)]
        errors = [request for request in done if request.outcome != "ok"]
        measured: dict[str, float] = {"requests": len(done), "errors": len(errors)}
        named = self.services or tuple(_that_change_mode(history))
        for service in named:
            for span in history.modes(service):
                if span.value != "automatic" and span.start < until:
                    reason = f"{service} was already {span.value} before the first fault"
                    return self.unclear(f"no baseline: {reason}", proof([span.index]), **measured)
        if len(done) < self.min_requests:
            reason = f"only {count(len(done), 'request')} of {self.min_requests} before the fault"
            return self.unclear(f"no baseline: {reason}", (), **measured)
        rate = len(errors) / len(done)
        measured["error_rate"] = round(rate, 4)
        if rate > self.error_rate:
            ops = listed(sorted({request.invoke.op for request in errors}))
            reason = (
                f"no baseline: {share(len(errors), len(done))} of requests failed before the "
                f"fault, where {share(self.error_rate, 1)} are allowed ({ops})"
            )
            return self.unclear(reason, proof(i for r in errors for i in r.events), **measured)
        return self.passed(
            f"{count(len(done), 'request')} before the first fault, "
            f"{share(len(errors), len(done))} of them failed",
            (),
            **measured,
        )


def _finished(request: Request, until: float, unfinished_too: bool) -> bool:
    if request.completion is None:
        return unfinished_too
    return request.completion.t <= until


def _that_change_mode(history: History) -> list[str]:
    return sorted({mode.service for mode in history.of(Mode)})
