"""A toxic placed on a proxy: its name, stream, toxicity and lease.

`dice` is what makes a run repeatable: every roll is drawn from the seed, the names and the
connection's number, never from a shared sequence, so other connections, other toxics and the
order of events have no influence on it.
"""

import random
from typing import Any, Final

from harness.proxy._loop import Timer
from harness.proxy.toxics import Toxic

UPSTREAM: Final = "upstream"
DOWNSTREAM: Final = "downstream"


class Placement:
    """One entry of a proxy's list of toxics."""

    def __init__(self, *, name: str, stream: str, toxicity: float, toxic: Toxic, dice: str) -> None:
        self.name = name
        self.stream = stream
        """As the client spelled it."""
        self.direction = stream.lower()
        self.toxicity = toxicity
        self.toxic = toxic
        self.lease: Timer | None = None
        self._dice = f"{dice}\0{name}"
        self._version = 0

    def update(self, toxic: Toxic, toxicity: float) -> None:
        """Take new settings; every connection rolls anew."""
        self.toxic = toxic
        self.toxicity = toxicity
        self._version += 1

    def hits(self, connection: int) -> bool:
        """Roll for a connection."""
        if self.toxicity >= 1:
            return True
        if self.toxicity <= 0:
            return False
        return self.chance(connection, "toxicity").random() < self.toxicity

    def chance(self, connection: int, purpose: str) -> random.Random:
        """Return a source of chance for one connection and purpose."""
        return random.Random(f"{self._dice}\0{connection}\0{self._version}\0{purpose}")  # noqa: S311

    def end_lease(self) -> None:
        """Forget when the toxic was to remove itself."""
        if self.lease is not None:
            self.lease.cancel()
            self.lease = None

    def shown(self, now: float) -> dict[str, Any]:
        """Return what the API shows."""
        entry: dict[str, Any] = {
            "attributes": self.toxic.settings(),
            "name": self.name,
            "type": self.toxic.kind,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }
        if self.lease is not None:
            entry["expires_in"] = round(max(self.lease.when - now, 0.0), 3)
        return entry
