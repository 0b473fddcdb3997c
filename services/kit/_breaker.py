"""A circuit breaker: stop asking a target that does not answer, and find out when it is back.

    closed --N failures in a row--> open --cool-down--> half-open --K successes--> closed
                                     ^                      |
                                     +------one failure-----+

While half-open, a bounded number of attempts goes out at a time. The bug that breakers are known
for is a probe that never reports (it was cancelled, or its code raised) and keeps its slot for
ever. So a slot is held by a `with` block and by nothing else: however the block is left, the slot
is free. And an attempt that started before the last change of state reports about a time that is
over; its verdict is not counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from ._clock import Clock
from ._log import Log

BreakerState = Literal["closed", "open", "half-open"]


class BreakerOpenError(Exception):
    """No attempt may be made now."""


class Attempt:
    """One call that the breaker let through. Give it a verdict, or none (then it counts not)."""

    def __init__(self) -> None:
        self.verdict: bool | None = None
        self.reason = ""

    def succeeded(self) -> None:
        """The target answered."""
        self.verdict = True

    def failed(self, reason: str) -> None:
        """The target did not answer, or not in time."""
        self.verdict = False
        self.reason = reason


class Breaker:
    """Guards the calls to one target. Durations are in seconds of life."""

    def __init__(
        self,
        clock: Clock,
        log: Log,
        target: str,
        *,
        failures: int = 3,
        cool_down: float = 60,
        probes: int = 1,
        successes: int = 2,
    ) -> None:
        """Open after `failures` in a row; close after `successes` of at most `probes` at a time."""
        if min(failures, probes, successes) < 1 or cool_down < 0:
            raise ValueError("failures, probes and successes must be at least 1, cool_down 0")
        self.target = target
        self.reason = ""
        self._clock = clock
        self._log = log
        self._failures = failures
        self._cool_down = cool_down
        self._probes = probes
        self._successes = successes
        self._state: BreakerState = "closed"
        self._epoch = 0
        self._streak = 0  # failures in a row while closed, successes while half-open
        self._probing = 0
        self._opened_at = 0.0

    @property
    def state(self) -> BreakerState:
        """The state as last logged; an open breaker becomes half-open at its next attempt."""
        return self._state

    @property
    def wait(self) -> float:
        """Seconds until an attempt may be let through; 0 if there is nothing to wait for."""
        if self._state != "open":
            return 0.0
        return max(0.0, self._opened_at + self._cool_down - self._clock.now())

    @property
    def ready(self) -> bool:
        """Whether an attempt would be let through now."""
        if self._state == "half-open":
            return self._probing < self._probes
        return self.wait == 0

    @contextmanager
    def attempt(self) -> Iterator[Attempt]:
        """Let one call through, for as long as the block lasts.

        Raises:
            BreakerOpenError: the target is not to be asked now.
        """
        if not self.ready:
            raise BreakerOpenError(f"{self.target} is not asked now: {self.reason}")
        if self._state == "open":
            self._change("half-open", "the cool-down is over")
        epoch = self._epoch
        if self._state == "half-open":
            self._probing += 1
        attempt = Attempt()
        try:
            yield attempt
        finally:
            if epoch == self._epoch:
                self._count(attempt)

    def _count(self, attempt: Attempt) -> None:
        if self._state == "half-open":
            self._probing -= 1
        if attempt.verdict is None:
            return
        if self._state == "half-open":
            self._count_probe(attempt)
        elif attempt.verdict:
            self._streak = 0
        else:
            self._streak += 1
            if self._streak >= self._failures:
                self._open(f"{self._streak} failures in a row, the last: {attempt.reason}")

    def _count_probe(self, attempt: Attempt) -> None:
        if not attempt.verdict:
            self._open(f"a probe failed: {attempt.reason}")
            return
        self._streak += 1
        if self._streak >= self._successes:
            self._change("closed", f"{self._streak} probes were answered")

    def _open(self, reason: str) -> None:
        self._opened_at = self._clock.now()
        self._change("open", reason)

    def _change(self, state: BreakerState, reason: str) -> None:
        self._state = state
        self._epoch += 1  # with it, the slots of the old state are void
        self._probing = 0
        self._streak = 0
        self.reason = reason
        self._log("breaker", target=self.target, state=state, reason=reason)
