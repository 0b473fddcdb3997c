"""The mode of an edge service: each change is an event with its reason."""

from typing import Literal

from ._log import Log

ModeName = Literal["automatic", "manual", "mixed"]


class Mode:
    """Automatic until something happens."""

    def __init__(self, log: Log) -> None:
        self.name: ModeName = "automatic"
        self.reason = ""
        self._log = log

    def become(self, name: ModeName, reason: str) -> None:
        """Change to `name`; a new reason alone is told by `/status` but is no event."""
        previous, self.name, self.reason = self.name, name, reason
        if name != previous:
            self._log("mode", mode=name, previous=previous, reason=reason)
