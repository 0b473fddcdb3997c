"""Does recovery keep the requests that reach the tenants within bounds, or is there a retry storm?

Tenants are the services of the data center. Each reports in gauges how many requests reached it
since its previous gauge. They are counted from the heal on, in relation to the users' requests of
the same time; with `peak`, also per slice of time, in relation to the average of the baseline.
"""

from pydantic import Field

from harness.history import Gauge, History
from harness.scenario import Duration

from ._check import Check, Verdict, as_evidence
from ._durations import elapsed_text, wall_seconds
from ._match import Names
from ._named import Services, Steps
from ._outage import first_fault, healed_outage
from ._text import too_few_text
from ._window import Window, window

_SHORTEST_SLICE = 1.0
"""In wall-clock seconds. Gauges come at most twice a second, so that in shorter slices their
rhythm would look like peaks."""


class NoStorm(Check, name="no_storm"):
    """Passes if after the heal at most `per_request` requests reach `tenants` per user request.

    Fails if more do; with `peak` also if any `slice` has more than `peak` times the usual load.

    Measured:
        received: requests that reached the tenants in the window, number.
        requests: requests of users in the window, number.
        per_request: received per user request; lower is better.
        peak: load in the busiest slice in multiples of the baseline's average; lower is better.
        window_life_s, window_real_s: length of the window in scenario and wall-clock seconds.
    """

    tenants: Services = Field(min_length=1, description="Services of the data center.")
    per_request: float = Field(
        gt=0, description="Most requests that may reach the tenants per user request."
    )
    peak: float | None = Field(
        default=None, gt=0, description="Most load in a slice, in multiples of the baseline's."
    )
    gauge: str = Field(
        default="received", description="Field of the gauge that counts requests received."
    )
    over: Duration | None = Field(
        default=None, description="Length of the window from the heal on; to the end if not given."
    )
    slice: Duration = Field(
        default=600.0, gt=0, description="Length of a slice; at least 1 wall-clock second is used."
    )
    ops: Names = Field(default=(), description="Operations of users that count; all if empty.")
    step: Steps = Field(default=(), description="Fault steps that are judged; all if empty.")
    min_requests: int = Field(
        default=30, ge=1, description="Fewer requests of users are inconclusive."
    )

    def judge(self, history: History) -> Verdict:
        """Count the requests that reached the tenants from the heal to the end of the window."""
        found = healed_outage(history, self.step)
        if isinstance(found, str):
            return self.inconclusive(found)
        _, start = found
        stop = history.end
        if self.over is not None:
            stop = min(stop, start + wall_seconds(history, self.over))
        users = window(history, self.ops, start, stop)
        gauges = [
            g for g in history.of(Gauge) if g.service in self.tenants and self.gauge in g.values
        ]
        reports = [gauge for gauge in gauges if start < gauge.t <= users.stop]
        received = sum(self._received(gauge) for gauge in reports)
        measured = {"received": received, **users.measured(history)}
        if not reports:
            return self.inconclusive(
                f"the tenants reported no gauge with {self.gauge!r} after recovery", (), **measured
            )
        too_few = too_few_text(
            len(users.requests), self.min_requests, "user request", "after recovery"
        )
        if too_few:
            return self.inconclusive(too_few, (), **measured)
        ratio = received / len(users.requests)
        measured["per_request"] = round(ratio, 3)
        reason = f"{ratio:.3g} requests per user request reached the tenants after recovery"
        if ratio > self.per_request:
            reason += f", where {self.per_request:.3g} are allowed"
            return self.failed(reason, self._busiest(reports), **measured)
        if self.peak is not None:
            return self._judge_peak(history, self.peak, gauges, users, measured)
        return self.passed(reason, (), **measured)

    def _judge_peak(
        self,
        history: History,
        limit: float,
        gauges: list[Gauge],
        users: Window,
        measured: dict[str, float],
    ) -> Verdict:
        slice_length = max(wall_seconds(history, self.slice), _SHORTEST_SLICE)
        peak = self._peak(history, gauges, users, slice_length)
        if peak is None:
            return self.inconclusive("too few requests reached the tenants before the first fault")
        measured["peak"] = round(peak, 3)
        if peak > limit:
            return self.failed(
                f"the busiest {elapsed_text(history, slice_length)} of recovery had {peak:.3g} "
                f"times the usual load of the tenants, where {limit:.3g} times are allowed",
                self._busiest([g for g in gauges if users.start < g.t <= users.stop]),
                **measured,
            )
        return self.passed(
            f"{measured['per_request']:.3g} requests per user request reached the tenants after "
            f"recovery, at most {peak:.3g} times the usual load",
            (),
            **measured,
        )

    def _busiest(self, reports: list[Gauge]) -> tuple[int, ...]:
        """Return the gauges with the most requests as evidence."""
        busiest = sorted(reports, key=self._received, reverse=True)
        return as_evidence(gauge.index for gauge in busiest[:5])

    def _received(self, gauge: Gauge) -> float:
        return gauge.values[self.gauge]

    def _peak(
        self, history: History, gauges: list[Gauge], users: Window, slice_length: float
    ) -> float | None:
        """Return the load of the busiest slice over the baseline's; None without a baseline."""
        fault = first_fault(history) or 0.0
        before = sum(self._received(gauge) for gauge in gauges if 0 <= gauge.t <= fault)
        if fault < slice_length or before <= 0:
            return None
        slices: dict[int, float] = {}
        for gauge in gauges:
            if users.start < gauge.t <= users.stop:
                place = int((gauge.t - users.start) / slice_length)
                slices[place] = slices.get(place, 0.0) + self._received(gauge)
        return max(slices.values(), default=0.0) / slice_length / (before / fault)
