"""corrupt: flips one bit of each byte with a given probability.

No byte is added or lost. This happens in real networks: TCP's checksum misses about one corrupted
packet in 65,000, and faulty middleboxes recompute it.
"""

import itertools
import math
from typing import Final

from harness.proxy._stub import Chunk, Stub
from harness.proxy.toxics._base import Toxic, check_range

FLIPS_PER_STEP: Final = 1000
"""Bytes changed before other stubs may run."""


class Corrupt(Toxic, type_name="corrupt"):
    """Flips one bit of each byte with probability `probability`."""

    probability: float = 0.0

    def validate(self) -> None:
        """Check the probability."""
        check_range("probability", self.probability, 0, 1)

    def gap(self, stub: Stub) -> int:
        """Return a random number of unchanged bytes before the next changed one.

        It has a geometric distribution, so that no random number is drawn for unchanged bytes.
        """
        if self.probability >= 1:
            return 0
        if self.probability <= 0:
            return 1 << 62
        draw = 1.0 - stub.random.random()
        return min(int(math.log(draw) / math.log1p(-self.probability)), 1 << 62)

    async def pipe(self, stub: Stub) -> None:
        """Flip bits at random gaps; the rest of a gap carries over to the next chunk."""
        gap = self.gap(stub)
        while chunk := await stub.receive():
            if gap < len(chunk.data):
                data = bytearray(chunk.data)
                for flips in itertools.count(1):
                    data[gap] ^= 1 << stub.random.getrandbits(3)
                    gap += 1 + self.gap(stub)
                    if gap >= len(data):
                        break
                    if flips % FLIPS_PER_STEP == 0:
                        await stub.yield_control()
                stub.current = Chunk(bytes(data), chunk.at)
            gap -= len(chunk.data)
            await stub.forward()
