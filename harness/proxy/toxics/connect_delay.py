"""connect_delay: accepts a new connection, but dials the upstream only after a delay.

Clients see a connection that opens at once, because the kernel completes the handshake, and is
then silent, as with a server that is slow to accept connections. Open connections are not
affected.
"""

import random
from typing import ClassVar

from harness.proxy.toxics._base import Toxic, check_milliseconds


class ConnectDelay(Toxic, type_name="connect_delay"):
    """Delays the dial by `delay` ± `jitter` milliseconds."""

    delay: int = 0
    jitter: int = 0

    delays_dial: ClassVar[bool] = True

    def validate(self) -> None:
        """Check the durations."""
        check_milliseconds("delay", self.delay)
        check_milliseconds("jitter", self.jitter)

    def dial_delay(self, rng: random.Random) -> float:
        """Return `delay` plus a random jitter, in seconds."""
        milliseconds = self.delay
        if self.jitter:
            milliseconds += rng.randrange(2 * self.jitter) - self.jitter
        return max(milliseconds, 0) / 1000
