"""A toxic of a proxy with its name, stream, toxicity and lease (Toxiproxy's `ToxicWrapper`).

Random numbers are repeatable: each generator is seeded with the server's seed, the names of proxy
and toxic, and the number of the connection. Other connections, other toxics and the order of
events have no influence on it.
"""

import random
from typing import Any, Final

from harness.proxy._loop import Timer
from harness.proxy.toxics import Toxic

UPSTREAM: Final = "upstream"
DOWNSTREAM: Final = "downstream"


class ToxicWrapper:
    """One entry of a proxy's list of toxics.

    Args:
        name: Unique within the proxy.
        stream: `upstream` or `downstream`, in the spelling of the client, which the API echoes.
        toxicity: Probability from 0 to 1 that a connection is affected.
        toxic: Settings and behavior.
        seed: Seed of the proxy's random numbers.
    """

    def __init__(self, *, name: str, stream: str, toxicity: float, toxic: Toxic, seed: str) -> None:
        self.name = name
        self.stream = stream
        self.direction = stream.lower()
        """The stream in lower case."""
        self.toxicity = toxicity
        self.toxic = toxic
        self.lease: Timer | None = None
        """Removes the toxic when it fires."""
        self._seed = f"{seed}\0{name}"
        self._version = 0

    def update(self, toxic: Toxic, toxicity: float) -> None:
        """Replace settings and toxicity; random numbers are drawn anew for every connection."""
        self.toxic = toxic
        self.toxicity = toxicity
        self._version += 1

    def applies_to(self, connection: int) -> bool:
        """Return True if the toxicity applies to the connection with this number."""
        if self.toxicity >= 1:
            return True
        if self.toxicity <= 0:
            return False
        return self.rng(connection, "toxicity").random() < self.toxicity

    def rng(self, connection: int, purpose: str) -> random.Random:
        """Return a random number generator for one connection and purpose."""
        return random.Random(f"{self._seed}\0{connection}\0{self._version}\0{purpose}")  # noqa: S311

    def cancel_lease(self) -> None:
        """Cancel the timer that would remove the toxic."""
        if self.lease is not None:
            self.lease.cancel()
            self.lease = None

    def to_json(self, now: float) -> dict[str, Any]:
        """Return the toxic as the API shows it; `now` is the loop's time."""
        entry: dict[str, Any] = {
            "attributes": self.toxic.settings(),
            "name": self.name,
            "type": self.toxic.type_name,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }
        if self.lease is not None:
            entry["expires_in"] = round(max(self.lease.when - now, 0.0), 3)
        return entry
