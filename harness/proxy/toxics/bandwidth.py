"""bandwidth: each connection carries at most so many kilobytes per second.

A kilobyte is 1000 bytes. There is no credit for a quiet past, so a burst is slow from its first
byte. Large chunks are sent as slices of 100 ms each. A rate of 0 lets nothing through.
"""

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_range

SLICE_MS = 100
OVERSHOOT_S = 0.01


class Bandwidth(Toxic, kind="bandwidth"):
    """Passes at most `rate` KB/s."""

    rate: int = 0

    def check(self) -> None:
        """Refuse a negative rate, which ends the process of the original."""
        check_range("rate", self.rate, 0, 10**15, "KB/s")

    async def pipe(self, stub: Stub) -> None:
        """Let each byte take its time."""
        due = 0.0
        while chunk := await stub.receive():
            if not self.rate:
                await stub.forever()
            # A late timer is made up for by the next chunk; a pause is no credit.
            now = stub.time()
            due = due if now - due < OVERSHOOT_S else now
            left = len(chunk.data)
            while left:
                size = min(left, self.rate * SLICE_MS)
                due += size / (self.rate * 1000)
                await stub.sleep_until(due)
                await stub.forward(size)
                left -= size
