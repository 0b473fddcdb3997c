"""latency: delays every chunk by a fixed time plus or minus a jitter.

The delay counts from when the chunk was received, so a pipeline of small messages is delayed
once, not once per message. A chunk never overtakes the one before it. Opening and closing of the
connection are not delayed, but closing waits for chunks in flight. All as in Toxiproxy.
"""

from typing import ClassVar

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class Latency(Toxic, type_name="latency"):
    """Delays each chunk by `latency` ± `jitter` milliseconds."""

    latency: int = 0
    jitter: int = 0

    queue_limit: ClassVar[int] = 1024

    def validate(self) -> None:
        """Check the durations."""
        check_milliseconds("latency", self.latency)
        check_milliseconds("jitter", self.jitter)

    def delay(self, stub: Stub) -> float:
        """Return the delay of the next chunk, in seconds."""
        milliseconds = self.latency
        if self.jitter:
            milliseconds += stub.random.randrange(2 * self.jitter) - self.jitter
        return max(milliseconds, 0) / 1000

    async def pipe(self, stub: Stub) -> None:
        """Hold each chunk until its delay has passed."""
        while chunk := await stub.receive():
            # Advanced, so that the delay of a second latency toxic adds to this one.
            chunk.at += self.delay(stub)
            await stub.sleep_until(chunk.at)
            await stub.forward()
