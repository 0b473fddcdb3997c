"""latency: every chunk comes later, by a fixed time plus or minus a jitter.

The time counts from when the chunk was received, so a pipeline of small messages is delayed
once, not once per message. A chunk never overtakes the one before it. Opening and closing are
not delayed, but closing waits for what is under way.
"""

from typing import ClassVar

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class Latency(Toxic, kind="latency"):
    """Delays each chunk by `latency` milliseconds, and -`jitter` to +`jitter` on top."""

    latency: int = 0
    jitter: int = 0

    queue_limit: ClassVar[int] = 1024

    def check(self) -> None:
        """Refuse what lies outside a duration."""
        check_milliseconds("latency", self.latency)
        check_milliseconds("jitter", self.jitter)

    def delay(self, stub: Stub) -> float:
        """Return the seconds by which the next chunk is late."""
        milliseconds = self.latency
        if self.jitter:
            milliseconds += stub.random.randrange(2 * self.jitter) - self.jitter
        return max(milliseconds, 0) / 1000

    async def pipe(self, stub: Stub) -> None:
        """Hold each chunk until its time has come."""
        while chunk := await stub.receive():
            # Moved on, so that a second latency behind this one adds up with it.
            chunk.at += self.delay(stub)
            await stub.sleep_until(chunk.at)
            await stub.forward()
