"""What one round of probes saw of each service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Sight:
    """A service as it answered, or did not."""

    reached: bool = False
    """It answered at all; without that, nothing else here is known."""
    ready: bool = False
    """It can do its work: a tenant has its storage."""
    share: float | None = None
    """What it admits now, 0 to 1; None: not known, or it has no admission."""
    mode: str = ""
    """An edge's `automatic`, `manual` or `mixed`."""
    backlog: int = 0
    """Records in its journal that are not yet entered."""
    surge: bool | None = None
    """Whether a counter has all its desks open."""
    received: int | None = None
    """Requests since it started; None: it was not asked, or did not say."""
    failed: int = 0
    """Of these, the ones it could not serve for other reasons than admission."""
    reason: str = ""
    """Why it is not ready, or not open, in its own words."""


UNSEEN = Sight()

Observation: TypeAlias = Mapping[str, Sight]
