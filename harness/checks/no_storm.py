"""Did recovery keep the requests that reach the center within bounds, or did it storm?

Tenants report in gauges how many requests reached them since the last gauge. They are counted
from the heal on, against what users asked for in the same time, and in slices against the
busiest that the baseline would have been on average.
"""

from pydantic import Field

from harness.history import Gauge, History
from harness.scenario import Duration

from ._check import Check, Verdict
from ._match import Names, select
from ._outage import first_fault, healed
from ._words import both, count, proof, real, took

_SHORTEST_SLICE = 1.0
"""Real seconds. Gauges come twice a second at best, so finer slices would show their rhythm."""


class NoStorm(Check, name="no_storm"):
    """After the heal, at most `per_request` requests reach `tenants` for each one of a user."""

    tenants: Names = Field(min_length=1, description="Services of the center.")
    per_request: float = Field(gt=0, description="Requests at the center per user's request.")
    peak: float | None = Field(default=None, gt=0, description="Busiest slice over the baseline.")
    gauge: str = "received"
    over: Duration | None = Field(default=None, description="How long after the heal; else all.")
    slice: Duration = Field(default=600.0, gt=0, description="Slices in which the peak is sought.")
    ops: Names = Field(default=(), description="Users' operations that count; without any, all.")
    step: Names = Field(default=(), description="Fault steps; without any, all.")
    min_requests: int = Field(default=30, ge=1)

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        found = healed(history, self.step)
        if isinstance(found, str):
            return self.unclear(found)
        _, start = found
        stop = (
            history.end if self.over is None else min(history.end, start + real(history, self.over))
        )
        gauges = [
            g for g in history.of(Gauge) if g.service in self.tenants and self.gauge in g.values
        ]
        window = [gauge for gauge in gauges if start < gauge.t <= stop]
        asked = [r for r in select(history, self.ops) if start < r.invoke.t <= stop]
        received = sum(gauge.values[self.gauge] for gauge in window)
        measured: dict[str, float] = {"received": received, "requests": len(asked)}
        measured |= both(history, "window", stop - start)
        if not window:
            return self.unclear("the tenants reported nothing after recovery", (), **measured)
        if len(asked) < self.min_requests:
            return self.unclear(
                f"only {count(len(asked), 'request')} of users after recovery, "
                f"{self.min_requests} needed to tell",
                (),
                **measured,
            )
        ratio = received / len(asked)
        measured["per_request"] = round(ratio, 3)
        worst = proof(g.index for g in sorted(window, key=lambda g: -g.values[self.gauge])[:5])
        if ratio > self.per_request:
            return self.failed(
                f"{ratio:.3g} requests reached the center for each one of a user after recovery, "
                f"where {self.per_request:.3g} are allowed",
                worst,
                **measured,
            )
        told = f"{ratio:.3g} requests reached the center for each one of a user"
        if self.peak is None:
            return self.passed(told, (), **measured)
        return self._peak(
            history,
            gauges=gauges,
            window=(start, stop),
            told=told,
            worst=worst,
            measured=measured,
        )

    def _peak(
        self,
        history: History,
        *,
        gauges: list[Gauge],
        window: tuple[float, float],
        told: str,
        worst: tuple[int, ...],
        measured: dict[str, float],
    ) -> Verdict:
        assert self.peak is not None
        width = max(real(history, self.slice), _SHORTEST_SLICE)
        before = first_fault(history) or 0.0
        base = sum(g.values[self.gauge] for g in gauges if 0 <= g.t <= before)
        if before < width or base <= 0:
            return self.unclear("too little reached the center before the fault to compare with")
        rate = base / before
        slices: dict[int, float] = {}
        for gauge in gauges:
            if window[0] < gauge.t <= window[1]:
                place = int((gauge.t - window[0]) / width)
                slices[place] = slices.get(place, 0.0) + gauge.values[self.gauge]
        busiest = max(slices.values(), default=0.0) / width / rate
        measured["peak"] = round(busiest, 3)
        shown = took(history, width)
        if busiest > self.peak:
            return self.failed(
                f"the busiest {shown} of recovery brought {busiest:.3g} times the usual load to "
                f"the center, where {self.peak:.3g} times are allowed",
                worst,
                **measured,
            )
        return self.passed(f"{told}, at most {busiest:.3g} times the usual load", (), **measured)
