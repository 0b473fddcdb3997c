"""Admission control: which share of its requests a tenant serves.

Requests are admitted deterministically: request number n since the share was set is admitted if
floor(n * share) > floor((n - 1) * share). So a share of 0.25 admits exactly every fourth request.
"""

import math
from typing import Literal

from services.kit import Log

State = Literal["closed", "share", "open"]


class AdmissionControl:
    """Admits a share of the requests; closed at the start.

    Args:
        log: Receives an `admission` event for each change.
        reason: The reason for being closed at the start.
    """

    def __init__(self, log: Log, reason: str) -> None:
        self.share = 0.0
        self.reason = reason
        self._log = log
        self._requests = 0

    @property
    def state(self) -> State:
        """`closed` for a share of 0, `open` for 1, otherwise `share`."""
        if self.share <= 0:
            return "closed"
        return "open" if self.share >= 1 else "share"

    def set(self, share: float, reason: str) -> None:
        """Admit `share` (0 to 1) of the requests from now on."""
        if (share, reason) == (self.share, self.reason):
            return
        if share != self.share:
            self._requests = 0
        self.share = share
        self.reason = reason
        self._log("admission", **self.describe())

    def admit(self) -> bool:
        """Count a request; return True if it is admitted."""
        self._requests += 1
        n = self._requests
        return math.floor(n * self.share) > math.floor((n - 1) * self.share)

    def describe(self) -> dict[str, object]:
        """Return share, state and reason, as in `/admission` and in `admission` events."""
        return {"share": self.share, "state": self.state, "reason": self.reason}
