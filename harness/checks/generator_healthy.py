"""Was the load sent as planned? If the load generator was the bottleneck, the run proves nothing.

Never a `fail`: the system under test is not to blame. On the `sim` backend there is no generator
process, so only start lag is judged.
"""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field

from harness.history import Generator, History, Invoke, Started
from harness.scenario import Duration

from ._check import Check, Verdict, as_evidence
from ._durations import duration_text
from ._statistics import quantile
from ._text import too_few_text


class GeneratorHealthy(Check, name="generator_healthy"):
    """Passes if requests started when due, every worker finished, and none was CPU-bound.

    Otherwise inconclusive, never a failure.

    Measured:
        requests: requests sent, number.
        workers: load generator processes that reported, number.
        lag_p99_ms: 99th percentile of the start lag (actual minus scheduled start), of all requests
            or of the worst worker, in wall-clock milliseconds; lower is better.
        cpu_max: highest CPU use reported, share of one core; lower is better.
    """

    lag: Duration = Field(
        default=0.25, description="Largest 99th percentile of start lag, in wall-clock time."
    )
    cpu: float = Field(
        default=0.9, gt=0, description="Share of a core above which a worker is CPU-bound."
    )
    sustained: Duration = Field(
        default=5.0,
        description="Most wall-clock time that a worker may be CPU-bound without break.",
    )
    min_requests: int = Field(default=30, ge=1, description="Fewer requests are inconclusive.")

    def judge(self, history: History) -> Verdict:
        """Judge what the workers reported and the start lag of the requests."""
        reports = list(history.of(Generator))
        invokes = [request.invoke for request in history.requests]
        measured: dict[str, float | str] = {"requests": len(invokes)}
        measured["workers"] = len({report.worker for report in reports})
        reason, early = _ended_early(reports)
        if early:
            return self.inconclusive(reason, as_evidence(r.index for r in early), **measured)
        simulated = any(started.backend == "sim" for started in history.of(Started))
        if not reports and not simulated:
            return self.inconclusive("the load generator reported no CPU use", (), **measured)
        too_few = too_few_text(len(invokes), self.min_requests, "request", "in the run")
        if too_few:
            cure = "raise load.duration or the arrivals, or set generator_healthy.min_requests"
            return self.inconclusive(f"{too_few}; {cure}", (), **measured)
        unreported = _senders(invokes) - {report.worker for report in reports}
        if unreported and not simulated:
            reason = f"worker {min(unreported)} sent requests and reported no CPU use"
            unmatched = (i.index for i in invokes if _sender(i) in unreported)
            return self.inconclusive(reason, as_evidence(unmatched), **measured)
        lag, invokes = _worst_lag(invokes)
        measured["lag_p99_ms"] = round(lag * 1000, 1)
        measured["cpu_max"] = max((report.cpu for report in reports), default=0.0)
        if lag > self.lag:
            latest = sorted(invokes, key=lambda invoke: invoke.due - invoke.t)
            whose = _worker_text(invokes, measured)
            reason = (
                f"1 of 100 requests{whose} started more than {duration_text(lag)} late, "
                f"over the limit of {duration_text(self.lag)}: the load was not as planned"
            )
            return self.inconclusive(reason, as_evidence(i.index for i in latest[:5]), **measured)
        return self._worker_problem(reports, measured) or self.passed(
            f"99 of 100 requests started within {duration_text(max(lag, 0.0))} of their due time",
            (),
            **measured,
        )

    def _worker_problem(
        self, reports: list[Generator], measured: dict[str, float | str]
    ) -> Verdict | None:
        for worker in sorted({report.worker for report in reports}):
            own = [report for report in reports if report.worker == worker]
            busy = self._cpu_bound(own)
            if busy:
                reason = f"{worker} used over {self.cpu:.0%} of its core: it was the bottleneck"
                return self.inconclusive(reason, as_evidence(r.index for r in busy), **measured)
            if own[-1].state != "finished":
                reason = f"{worker} stopped reporting before it had sent everything"
                return self.inconclusive(reason, as_evidence([own[-1].index]), **measured)
        return None

    def _cpu_bound(self, own: list[Generator]) -> list[Generator]:
        """Return the first run of reports in which a worker was CPU-bound for too long."""
        return next((r for r in _runs(own, self.cpu) if r[-1].t - r[0].t > self.sustained), [])


_ENOUGH_FOR_P99 = 100
"""Requests of one worker; with fewer, 1 of 100 of them is but a single request."""


def _ended_early(reports: list[Generator]) -> tuple[str, list[Generator]]:
    """Return why the load ended early, and the reports that say so; nothing if it did not."""
    died = [report for report in reports if report.state == "died"]
    if died:
        return f"the load generator died: {died[0].worker}", died
    # Stopped by the run itself, whose errors name the cause.
    stopped = [report for report in reports if report.state == "stopped"]
    return "the run ended before everything was sent", stopped


def _sender(invoke: Invoke) -> str:
    """Return the worker that sent the request: ids are `WORKER-1`, `WORKER-2`, ..."""
    return invoke.id.rpartition("-")[0]


def _senders(invokes: Iterable[Invoke]) -> set[str]:
    return {_sender(invoke) for invoke in invokes} - {""}


def _worst_lag(invokes: list[Invoke]) -> tuple[float, list[Invoke]]:
    """Return the 99th percentile of start lag, and the requests that it is of.

    That is all requests or those of the worst worker, whichever lag is larger: one late worker of
    many is hardly visible among all requests.
    """
    groups = [invokes]
    for sender in sorted(_senders(invokes)):
        own = [invoke for invoke in invokes if _sender(invoke) == sender]
        if len(own) >= _ENOUGH_FOR_P99:
            groups.append(own)
    lags = [quantile([invoke.t - invoke.due for invoke in group], 0.99) for group in groups]
    worst = max(range(len(groups)), key=lambda n: lags[n])
    return lags[worst], groups[worst]


def _worker_text(invokes: list[Invoke], measured: Mapping[str, float | str]) -> str:
    """Return ` of worker W` if all requests are of one worker and there are others."""
    senders = _senders(invokes)
    return f" of worker {min(senders)}" if len(senders) == 1 and measured["workers"] != 1 else ""


def _runs(reports: Iterable[Generator], limit: float) -> Iterator[list[Generator]]:
    """Yield each unbroken run of reports with CPU use above `limit`."""
    run: list[Generator] = []
    for report in reports:
        if report.cpu > limit:
            run.append(report)
        elif run:
            yield run
            run = []
    if run:
        yield run
