"""How much of its traffic a tenant lets in.

A share admits deterministically: of the requests since it was set, number n passes if
floor(n * share) > floor((n - 1) * share). So one in four is every fourth, not about a quarter.
"""

import math
from typing import Literal

from services.kit import Log

State = Literal["closed", "share", "open"]


class AdmissionControl:
    """Closed until somebody opens it."""

    def __init__(self, log: Log, reason: str) -> None:
        self.share = 0.0
        self.reason = reason
        self._log = log
        self._asked = 0

    @property
    def state(self) -> State:
        """The share in a word."""
        if self.share <= 0:
            return "closed"
        return "open" if self.share >= 1 else "share"

    def set(self, share: float, reason: str) -> None:
        """Let in `share` (0 to 1) of what comes from now on."""
        if (share, reason) == (self.share, self.reason):
            return
        if share != self.share:
            self._asked = 0
        self.share = share
        self.reason = reason
        self._log("admission", **self.told())

    def admit(self) -> bool:
        """Whether the next request passes."""
        self._asked += 1
        return math.floor(self._asked * self.share) > math.floor((self._asked - 1) * self.share)

    def told(self) -> dict[str, object]:
        """The state as the interfaces and the events tell it."""
        return {"share": self.share, "state": self.state, "reason": self.reason}
