"""The mode of an edge service: `automatic`, `manual` (fallback) or `mixed` (recovering)."""

from typing import Literal

from ._log import Log

ModeName = Literal["automatic", "manual", "mixed"]


class Mode:
    """The current mode and its reason; `automatic` at the start, which is logged."""

    def __init__(self, log: Log) -> None:
        self.name: ModeName = "automatic"
        self.reason = ""
        self._log = log
        log("mode", mode=self.name, previous="", reason="the process started")

    def become(self, name: ModeName, reason: str) -> None:
        """Change to `name` and log a `mode` event; a new reason alone changes only `/status`."""
        previous, self.name, self.reason = self.name, name, reason
        if name != previous:
            self._log("mode", mode=name, previous=previous, reason=reason)
