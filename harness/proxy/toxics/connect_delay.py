"""connect_delay: a new connection is accepted, but the upstream is dialled only later.

Clients see a connection that opens at once (the kernel answers them) and then is silent: what
a server does that is slow to take connections. Live connections are left alone.
"""

import random
from typing import ClassVar

from harness.proxy.toxics._base import Toxic, check_milliseconds


class ConnectDelay(Toxic, kind="connect_delay"):
    """Dials `delay` milliseconds later, and -`jitter` to +`jitter` on top."""

    delay: int = 0
    jitter: int = 0

    delays_opening: ClassVar[bool] = True

    def check(self) -> None:
        """Refuse what is no duration."""
        check_milliseconds("delay", self.delay)
        check_milliseconds("jitter", self.jitter)

    def opening_delay(self, chance: random.Random) -> float:
        """Return the delay of one connection."""
        milliseconds = self.delay
        if self.jitter:
            milliseconds += chance.randrange(2 * self.jitter) - self.jitter
        return max(milliseconds, 0) / 1000
