"""A clock for tests: waiting on it returns at once and moves its time on; nothing else does."""

import threading


class FakeClock:
    """Implements `harness.clock.Clock`; `now` is both the Unix time and the monotonic time."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    def wait(self, event: threading.Event, timeout: float) -> bool:
        if not event.is_set():
            self.sleep(timeout)
        return event.is_set()

    def wait_notified(self, condition: threading.Condition, timeout: float) -> bool:
        del condition
        self.sleep(timeout)
        return False
