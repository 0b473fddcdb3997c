"""What verification finds, and how often it is repeated.

A busy machine may hide a fault for a moment, or show one that is not there. Verification is
therefore repeated until there is no problem left or its time is up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.clock import Clock

VERIFY_TIMEOUT = 2.0
"""Seconds for which an injected fault is verified again and again, beyond one round of probes."""

HEAL_TIMEOUT = 10.0
"""Seconds for which a fault is reverted, and then its end verified, again and again."""

_PAUSE = 0.05
"""Seconds between two rounds of probes."""


@dataclass(frozen=True)
class Finding:
    """Result of a verification: whether the expected state is there, and what was observed."""

    confirmed: bool
    detail: str


def repeat_check(
    check: Callable[[Sequence[str], int], Mapping[str, str]],
    names: Sequence[str],
    timeout: float,
    clock: Clock,
) -> list[str]:
    """Repeat `check` until it finds no problem or `timeout` seconds have passed.

    Args:
        check: Takes the names to check and the number of the attempt, from 1. Returns a text for
            each name with a problem.
        names: Links or services. Those without a problem are not checked again.
        timeout: Seconds of `clock`. At least one check is made.
        clock: The run's clock.

    Returns:
        The texts of the last check.
    """
    deadline = clock.monotonic() + timeout
    pending, attempt = list(names), 1
    while pending:
        problems = check(pending, attempt)
        if not problems or clock.monotonic() > deadline:
            return list(problems.values())
        pending, attempt = list(problems), attempt + 1
        clock.sleep(_PAUSE)
    return []


def summary(problems: Sequence[str]) -> str:
    """Return the first three of `problems` on one line, and the number of the others."""
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(problems[:3]) + more
