"""shared_bandwidth: limits all connections of a proxy together to a number of KB per second.

The connections reserve transmission time in slots of at most 10 ms, one after the other, so that
each gets its share. A kilobyte is 1000 bytes, as for `bandwidth`; a rate of 0 lets no data through.
"""

from typing import Final

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_range

SLOT_MS: Final = 10


class SharedBandwidth(Toxic, type_name="shared_bandwidth"):
    """Forwards at most `rate` KB/s, over all connections of its proxy and stream."""

    rate: int = 0

    _free_at = 0.0
    """When the last reserved slot ends, on the loop's clock."""

    def validate(self) -> None:
        """Check that the rate is not negative."""
        check_range("rate", self.rate, 0, 10**15, "KB/s")

    async def pipe(self, stub: Stub) -> None:
        """Reserve a slot for each piece, and forward the piece when the slot ends."""
        while chunk := await stub.receive():
            if not self.rate:
                await stub.wait_forever()
            left = len(chunk.data)
            while left:
                size = min(left, self.rate * SLOT_MS)
                self._free_at = max(self._free_at, stub.time()) + size / (self.rate * 1000)
                await stub.sleep_until(self._free_at)
                await stub.forward(size)
                left -= size
