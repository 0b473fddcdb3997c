"""Do errors and goodput return to normal when load does, or does the overload sustain itself?

Judges the last window of load. Goodput is compared with the baseline at the offered load: a window
with half the requests of the baseline is expected to have half as many good answers.
"""

from pydantic import Field

from harness.history import History, Invoke
from harness.scenario import Duration

from ._check import Check, Verdict, as_evidence
from ._durations import duration_text, wall_seconds
from ._match import Names
from ._named import Steps
from ._outage import healed_outage
from ._text import count_text, percent_text, too_few_text
from ._window import Window, baseline, window


class ErrorsSubside(Check, name="errors_subside"):
    """Passes if in the last `window` of load few requests fail and goodput is near the baseline's.

    Fails if more than `error_rate` of the requests fail, or if goodput is below `goodput`.

    Measured:
        requests: requests sent in the window, number.
        errors: those that failed or are unknown, number; lower is better.
        error_rate: errors per request, 0 to 1; lower is better.
        goodput: good answers as a share of what the baseline had at this load; higher is better.
        baseline_requests: requests answered before the first fault, number.
        window_life_s, window_real_s: length of the window in scenario and wall-clock seconds.
    """

    window: Duration = Field(gt=0, description="Length of the end of load that is judged.")
    error_rate: float = Field(
        default=0.01, ge=0, le=1, description="Largest share of requests that may fail."
    )
    goodput: float = Field(
        default=0.9, ge=0, description="Smallest share of the baseline's good answers."
    )
    ops: Names = Field(default=(), description="Operations that are counted; all if empty.")
    step: Steps = Field(default=(), description="Fault steps that are judged; all if empty.")
    min_requests: int = Field(
        default=30, ge=1, description="Fewer requests in the window or baseline are inconclusive."
    )

    def judge(self, history: History) -> Verdict:
        """Compare the last window of load with the baseline before the first fault."""
        found = healed_outage(history, self.step)
        if isinstance(found, str):
            return self.inconclusive(found)
        stop = _load_end(history)
        start = stop - wall_seconds(history, self.window)
        if found[1] > start:
            limit = duration_text(self.window)
            return self.inconclusive(f"load did not last {limit} after recovery; make it longer")
        now, before = window(history, self.ops, start, stop), baseline(history, self.ops)
        measured = now.measured(history) | {"baseline_requests": len(before.requests)}
        measured["errors"] = sum(request.outcome != "ok" for request in now.requests)
        for requests, where in (
            (now.requests, f"in the last {duration_text(self.window)} of load"),
            (before.requests, "before the first fault"),
        ):
            too_few = too_few_text(len(requests), self.min_requests, "request", where)
            if too_few:
                return self.inconclusive(too_few, (), **measured)
        return self._compare(now, before, measured)

    def _compare(self, now: Window, before: Window, measured: dict[str, float]) -> Verdict:
        failed = [request for request in now.requests if request.outcome != "ok"]
        rate = len(failed) / len(now.requests)
        usual = sum(request.outcome == "ok" for request in before.requests) / len(before.requests)
        # A window with fewer requests than the baseline is expected to have fewer good answers,
        # one with more requests no more than the baseline had.
        load = now.per_second / before.per_second
        good = (1 - rate) * max(load, 1.0) / usual if usual else 0.0
        measured |= {"error_rate": round(rate, 4), "goodput": round(good, 3)}
        evidence = as_evidence(i for request in failed for i in request.events)
        total = len(now.requests)
        if rate > self.error_rate:
            return self.failed(
                f"{percent_text(len(failed), total)} of requests still failed in the last "
                f"{duration_text(self.window)} of load, where "
                f"{percent_text(self.error_rate, 1)} are allowed",
                evidence,
                **measured,
            )
        if good < self.goodput:
            return self.failed(
                f"goodput at the end of load was {percent_text(good, 1)} of the baseline's, where "
                f"at least {percent_text(self.goodput, 1)} are required",
                evidence,
                **measured,
            )
        return self.passed(
            f"{percent_text(len(failed), total)} of {count_text(total, 'request')} failed in the "
            f"last {duration_text(self.window)} of load",
            (),
            **measured,
        )


def _load_end(history: History) -> float:
    # Not the end of the load phase: the generator keeps running until the last queued request
    # has been answered.
    return max((event.t for event in history.of(Invoke)), default=0.0)
