"""The users' requests in a stretch of the run: the baseline, and windows after recovery."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.history import History, Request

from ._durations import measured_duration
from ._match import select_requests
from ._outage import first_fault


@dataclass(frozen=True)
class Window:
    """A stretch of the run with its requests; times in wall-clock seconds since the run began."""

    start: float
    stop: float
    requests: tuple[Request, ...]

    @property
    def per_second(self) -> float:
        """Requests per wall-clock second."""
        return len(self.requests) / (self.stop - self.start)

    def measured(self, history: History) -> dict[str, float]:
        """Return `requests` and the length of the window as figures for `Verdict.measured`."""
        length = measured_duration(history, "window", self.stop - self.start)
        return {"requests": len(self.requests), **length}


def window(history: History, ops: Sequence[str], start: float, stop: float) -> Window:
    """Return the requests of `ops` (all if empty) that were sent from `start` to `stop`."""
    found = select_requests(history, ops)
    return Window(start, stop, tuple(r for r in found if start <= r.invoke.t <= stop))


def baseline(history: History, ops: Sequence[str]) -> Window:
    """Return the requests of `ops` (all if empty) that were answered before the first fault.

    Requests in flight when the fault was asked for belong to the fault. In a run without a fault
    the whole run is the baseline, with the requests that were never answered.
    """
    fault = first_fault(history)
    stop = history.end if fault is None else fault
    return Window(
        0.0,
        stop,
        tuple(
            request
            for request in select_requests(history, ops)
            if (fault is None if request.completion is None else request.completion.t <= stop)
        ),
    )
