"""What one round of probes found out about each service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Observation:
    """The result of probing one service in one round."""

    reached: bool = False
    """True if the service answered at all. If False, no other field except `reason` is known."""
    ready: bool = False
    """True if the service can do its work: a tenant, for example, reaches its storage."""
    share: float | None = None
    """The share of requests it admits, 0 to 1; None if unknown, or if it has no admission."""
    mode: str = ""
    """`automatic`, `manual` or `mixed` for an edge service; empty for a tenant."""
    backlog: int = 0
    """Number of journal records that are not in the central ledger yet."""
    surge: bool | None = None
    """True if a counter has all desks open; None if unknown."""
    received: int | None = None
    """Requests received since the service started; None if it was not asked or gave no count."""
    failed: int = 0
    """How many of `received` failed for a reason other than admission."""
    reason: str = ""
    """Why the service is unreachable, not ready or not open, as reported."""


UNREACHED = Observation()

Observations: TypeAlias = Mapping[str, Observation]
"""One observation for each service, by service name."""
