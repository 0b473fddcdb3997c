"""The clock of a run: what the time is, sleeping, and waiting with a limit.

A run gets one clock from its backend and hands it to everything that looks at the time or waits:

    clock = backend.make_clock()
    recorder = Recorder(part, clock=clock)
    deadline = clock.monotonic() + 5.0
    while not done.is_set() and clock.monotonic() < deadline:
        clock.wait(stopped, 0.1)

A backend whose services run in simulated time brings a clock of its own. Code that runs in other
processes (the proxy, Locust, the supervisor of local services) has the clock of its process.
"""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """A source of time. All values are in wall-clock seconds; any thread may call any method."""

    def time(self) -> float:
        """Return the Unix time."""

    def monotonic(self) -> float:
        """Return a time that never goes backwards, for measuring durations."""

    def sleep(self, seconds: float) -> None:
        """Block for `seconds`; return at once if it is 0 or less."""

    def wait(self, event: threading.Event, timeout: float) -> bool:
        """Block until `event` is set or `timeout` seconds have passed; return True if it is set."""

    def wait_notified(self, condition: threading.Condition, timeout: float) -> bool:
        """Block until `condition`, which the caller holds, is notified; False after `timeout`."""


class WallClock:
    """The clock of the operating system."""

    def time(self) -> float:
        """Return the Unix time."""
        return time.time()

    def monotonic(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block for `seconds`; return at once if it is 0 or less."""
        time.sleep(max(0.0, seconds))

    def wait(self, event: threading.Event, timeout: float) -> bool:
        """Block until `event` is set or `timeout` seconds have passed; return True if it is set."""
        return event.wait(max(0.0, timeout))

    def wait_notified(self, condition: threading.Condition, timeout: float) -> bool:
        """Block until `condition`, which the caller holds, is notified; False after `timeout`."""
        return condition.wait(max(0.0, timeout))


WALL_CLOCK = WallClock()
"""The default where no run hands a clock down, such as in `harness heal`."""
