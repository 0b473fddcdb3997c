"""When load returned to normal, did errors and goodput as well, or did the collapse feed itself?

Looks at the last window of load. Goodput is compared with the baseline at what was asked for: a
window in which half as many people came owes half as many good answers.
"""

from pydantic import Field

from harness.history import History, Invoke, Request
from harness.scenario import Duration

from ._check import Check, Verdict
from ._match import Names, select
from ._outage import first_fault, healed
from ._words import both, count, duration, proof, real, share


class ErrorsSubside(Check, name="errors_subside"):
    """In the last `window` of load errors are few, and goodput is near the baseline's."""

    window: Duration = Field(gt=0, description="How much of the end of load is looked at.")
    error_rate: float = Field(default=0.01, ge=0, le=1)
    goodput: float = Field(default=0.9, ge=0, description="Share of the baseline's good answers.")
    ops: Names = Field(default=(), description="Operations that count; without any, all.")
    step: Names = Field(default=(), description="Fault steps; without any, all.")
    min_requests: int = Field(default=30, ge=1)

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        found = healed(history, self.step)
        if isinstance(found, str):
            return self.unclear(found)
        stop = _load_ends(history)
        start = stop - real(history, self.window)
        if found[1] > start:
            limit = duration(self.window)
            return self.unclear(f"load did not last {limit} after recovery, so nothing could calm")
        fault = first_fault(history) or 0.0
        asked = list(select(history, self.ops))
        now = [request for request in asked if start <= request.invoke.t <= stop]
        before = [request for request in asked if request.invoke.t < fault and _by(request, fault)]
        bad = [request for request in now if request.outcome != "ok"]
        measured: dict[str, float] = {"requests": len(now), "errors": len(bad)}
        measured |= {"baseline_requests": len(before)} | both(history, "window", stop - start)
        for requests, when in ((now, "at the end"), (before, "before the fault")):
            if len(requests) < self.min_requests:
                reason = f"only {count(len(requests), 'request')} {when}"
                return self.unclear(f"{reason}, {self.min_requests} needed to tell", (), **measured)
        rate = len(bad) / len(now)
        usual = sum(request.outcome == "ok" for request in before) / len(before)
        # Fewer arrivals than in the baseline owe fewer answers; more of them owe no more.
        busier = (len(now) / (stop - start)) / (len(before) / fault)
        good = (1 - rate) * max(busier, 1.0) / usual if usual else 0.0
        measured |= {"error_rate": round(rate, 4), "goodput": round(good, 3)}
        evidence = proof(i for request in bad for i in request.events)
        if rate > self.error_rate:
            return self.failed(
                f"{share(len(bad), len(now))} of requests still failed in the last "
                f"{duration(self.window)} of load, where {share(self.error_rate, 1)} are allowed",
                evidence,
                **measured,
            )
        if good < self.goodput:
            return self.failed(
                f"good answers at the end were {share(good, 1)} of the baseline's, where at least "
                f"{share(self.goodput, 1)} are promised",
                evidence,
                **measured,
            )
        return self.passed(
            f"{share(len(bad), len(now))} of {count(len(now), 'request')} failed in the last "
            f"{duration(self.window)} of load",
            (),
            **measured,
        )


def _load_ends(history: History) -> float:
    # Not the phase's end: the generator stays on until the last queue is served.
    return max((event.t for event in history.of(Invoke)), default=0.0)


def _by(request: Request, t: float) -> bool:
    return request.completion is not None and request.completion.t <= t
