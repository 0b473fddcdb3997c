"""A circuit breaker: stop calling a target that does not answer, and detect its recovery.

    closed --N failures in a row--> open --cool-down--> half-open --K successes--> closed
                                     ^                      |
                                     +------one failure-----+

While half-open, a limited number of attempts is let through at a time. A well-known bug of circuit
breakers is a probe that never reports a result (it was cancelled, or its code raised an exception)
and keeps its slot for ever. Therefore a slot is held only by a `with` block, which frees it however
the block ends. An attempt that started before the last change of state does not describe the
current state; its result is not counted.

    with breaker.attempt() as attempt:
        response = await call()
        attempt.succeeded()
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from ._clock import Clock
from ._log import Log

BreakerState = Literal["closed", "open", "half-open"]


class BreakerOpenError(Exception):
    """The breaker does not let an attempt through now."""


class Attempt:
    """One call that the breaker let through. Without a reported result it is not counted."""

    def __init__(self) -> None:
        self.verdict: bool | None = None
        self.reason = ""

    def succeeded(self) -> None:
        """Report that the target answered."""
        self.verdict = True

    def failed(self, reason: str) -> None:
        """Report that the target did not answer, or not in time."""
        self.verdict = False
        self.reason = reason


class Breaker:
    """Guards the calls to one target.

    Args:
        clock: The service's clock.
        log: Receives a `breaker` event for each change of state.
        target: The name of the target in events and messages.
        failures: Consecutive failures after which the breaker opens.
        cool_down: Scenario seconds for which it stays open before it lets a probe through.
        probes: Attempts that may be in flight at a time while it is half-open.
        successes: Consecutive successful probes after which it closes.
    """

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
        if min(failures, probes, successes) < 1 or cool_down < 0:
            raise ValueError(
                "failures, probes and successes must be at least 1, and cool_down at least 0"
            )
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
        """The state as last logged. An open breaker becomes half-open with its next attempt."""
        return self._state

    @property
    def cool_down_left(self) -> float:
        """Scenario seconds until an open breaker lets an attempt through; otherwise 0."""
        if self._state != "open":
            return 0.0
        return max(0.0, self._opened_at + self._cool_down - self._clock.now())

    @property
    def allows_attempt(self) -> bool:
        """True if an attempt would be let through now."""
        if self._state == "half-open":
            return self._probing < self._probes
        return self.cool_down_left == 0

    @contextmanager
    def attempt(self) -> Iterator[Attempt]:
        """Let one call through for the duration of the `with` block.

        Raises:
            BreakerOpenError: The breaker is open, or all half-open slots are taken.
        """
        if not self.allows_attempt:
            raise BreakerOpenError(f"the breaker for {self.target} allows no call: {self.reason}")
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
        self._epoch += 1  # attempts of the old state no longer count and hold no slot
        self._probing = 0
        self._streak = 0
        self.reason = reason
        self._log("breaker", target=self.target, state=state, reason=reason)
