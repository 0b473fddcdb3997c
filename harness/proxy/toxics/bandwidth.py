"""bandwidth: limits each connection to a number of kilobytes per second.

A kilobyte is 1000 bytes. Idle time gives no credit, so a burst is slow from its first byte. Large
chunks are sent in slices of 100 ms each. A rate of 0 lets no data through. All as in Toxiproxy.
"""

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_range

SLICE_MS = 100
OVERSHOOT_S = 0.01
"""A timer that is late by less than this is made up for by the next chunk."""


class Bandwidth(Toxic, type_name="bandwidth"):
    """Forwards at most `rate` KB/s in each connection."""

    rate: int = 0

    def validate(self) -> None:
        """Check the rate; a negative one crashes Toxiproxy."""
        check_range("rate", self.rate, 0, 10**15, "KB/s")

    async def pipe(self, stub: Stub) -> None:
        """Forward each slice when its time at this rate has passed."""
        due = 0.0
        while chunk := await stub.receive():
            if not self.rate:
                await stub.wait_forever()
            # A late timer is made up for by the next chunk; a pause gives no credit.
            now = stub.time()
            due = due if now - due < OVERSHOOT_S else now
            left = len(chunk.data)
            while left:
                size = min(left, self.rate * SLICE_MS)
                due += size / (self.rate * 1000)
                await stub.sleep_until(due)
                await stub.forward(size)
                left -= size
