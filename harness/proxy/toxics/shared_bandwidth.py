"""shared_bandwidth: all connections of a proxy together carry at most so many kilobytes per second.

The line that they share is booked in turns of 10 ms, so that each of them gets its part. A
kilobyte is 1000 bytes, as for `bandwidth`, and a rate of 0 lets nothing through.
"""

from typing import Final

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_range

TURN_MS: Final = 10


class SharedBandwidth(Toxic, kind="shared_bandwidth"):
    """Passes at most `rate` KB/s, over all connections of its proxy and stream."""

    rate: int = 0

    _free_at = 0.0

    def check(self) -> None:
        """Refuse a negative rate."""
        check_range("rate", self.rate, 0, 10**15, "KB/s")

    async def pipe(self, stub: Stub) -> None:
        """Book a turn for each piece, and wait until it is over."""
        while chunk := await stub.receive():
            if not self.rate:
                await stub.forever()
            left = len(chunk.data)
            while left:
                size = min(left, self.rate * TURN_MS)
                self._free_at = max(self._free_at, stub.time()) + size / (self.rate * 1000)
                await stub.sleep_until(self._free_at)
                await stub.forward(size)
                left -= size
