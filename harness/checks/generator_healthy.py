"""Did the load come as planned? If the generator was the bottleneck, the run shows nothing.

Never a `fail`: the system under test is not to blame. On the `sim` backend there is no generator
process, so only start lag is looked at.
"""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field

from harness.history import Generator, History, Invoke, Started
from harness.scenario import Duration

from ._check import Check, Verdict
from ._words import count, duration, proof, quantile


class GeneratorHealthy(Check, name="generator_healthy"):
    """Requests started when due, every worker lived to its end, and none was out of breath."""

    lag: Duration = Field(
        default=0.25, description="Real time: 99 of 100 requests start at most this late."
    )
    cpu: float = Field(default=0.9, gt=0, description="Share of a core that is too busy.")
    sustained: Duration = Field(
        default=5.0, description="Real time: too busy for longer than this."
    )
    min_requests: int = Field(default=30, ge=1)

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        reports = list(history.of(Generator))
        invokes = [request.invoke for request in history.requests]
        measured: dict[str, float | str] = {"requests": len(invokes)}
        measured["workers"] = len({report.worker for report in reports})
        died = [report for report in reports if report.state == "died"]
        if died:
            reason = f"the load generator died: {died[0].worker}"
            return self.unclear(reason, proof(r.index for r in died), **measured)
        simulated = any(started.backend == "sim" for started in history.of(Started))
        if not reports and not simulated:
            return self.unclear("the load generator said nothing about itself", (), **measured)
        if len(invokes) < self.min_requests:
            reason = f"only {count(len(invokes), 'request')} of {self.min_requests} needed to tell"
            return self.unclear(reason, (), **measured)
        silent = _senders(invokes) - {report.worker for report in reports}
        if silent and not simulated:
            reason = f"worker {min(silent)} sent requests and said nothing about itself"
            mute = (i.index for i in invokes if _sender(i) in silent)
            return self.unclear(reason, proof(mute), **measured)
        late, invokes = _latest(invokes)
        measured["lag_p99_ms"] = round(late * 1000, 1)
        measured["cpu_max"] = max((report.cpu for report in reports), default=0.0)
        if late > self.lag:
            worst = sorted(invokes, key=lambda invoke: invoke.due - invoke.t)
            whose = _of(invokes, measured)
            reason = (
                f"1 of 100 requests{whose} started more than {duration(late)} late, "
                f"over the limit of {duration(self.lag)}: the load was not what was planned"
            )
            return self.unclear(reason, proof(i.index for i in worst[:5]), **measured)
        return self._tired(reports, measured) or self.passed(
            f"99 of 100 requests started within {duration(max(late, 0.0))} of their time",
            (),
            **measured,
        )

    def _tired(self, reports: list[Generator], measured: dict[str, float | str]) -> Verdict | None:
        for worker in sorted({report.worker for report in reports}):
            own = [report for report in reports if report.worker == worker]
            busy = self._out_of_breath(own)
            if busy:
                reason = f"{worker} used over {self.cpu:.0%} of its core: it was the bottleneck"
                return self.unclear(reason, proof(r.index for r in busy), **measured)
            if own[-1].state != "finished":
                reason = f"{worker} broke off: it never said that all had been sent"
                return self.unclear(reason, proof([own[-1].index]), **measured)
        return None

    def _out_of_breath(self, own: list[Generator]) -> list[Generator]:
        return next((r for r in _runs(own, self.cpu) if r[-1].t - r[0].t > self.sustained), [])


_ENOUGH = 100
"""Requests of one worker, below which 1 of 100 of them is but a single one."""


def _sender(invoke: Invoke) -> str:
    """The worker that sent it: the load numbers requests `WORKER-1`, `WORKER-2`, ..."""
    return invoke.id.rpartition("-")[0]


def _senders(invokes: Iterable[Invoke]) -> set[str]:
    return {_sender(invoke) for invoke in invokes} - {""}


def _latest(invokes: list[Invoke]) -> tuple[float, list[Invoke]]:
    """The lag that 99 of 100 requests keep, of all or of the worst worker, and whose it is.

    One of many workers that is late is hardly seen among all requests.
    """
    groups = [invokes]
    for sender in sorted(_senders(invokes)):
        own = [invoke for invoke in invokes if _sender(invoke) == sender]
        if len(own) >= _ENOUGH:
            groups.append(own)
    lags = [quantile([invoke.t - invoke.due for invoke in group], 0.99) for group in groups]
    worst = max(range(len(groups)), key=lambda n: lags[n])
    return lags[worst], groups[worst]


def _of(invokes: list[Invoke], measured: Mapping[str, float | str]) -> str:
    """Whose requests these are, if that needs saying."""
    senders = _senders(invokes)
    return f" of worker {min(senders)}" if len(senders) == 1 and measured["workers"] != 1 else ""


def _runs(reports: Iterable[Generator], limit: float) -> Iterator[list[Generator]]:
    """Unbroken runs of reports above `limit`."""
    run: list[Generator] = []
    for report in reports:
        if report.cpu > limit:
            run.append(report)
        elif run:
            yield run
            run = []
    if run:
        yield run
