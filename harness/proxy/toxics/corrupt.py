"""corrupt: bytes arrive changed: each with some probability has one of its bits turned over.

Nothing is added or lost. TCP's checksum lets about one broken packet in 65,000 through, and
broken middleboxes recompute it, so this does happen.
"""

import itertools
import math
from typing import Final

from harness.proxy._stub import Chunk, Stub
from harness.proxy.toxics._base import Toxic, check_range

AT_ONCE: Final = 1000
"""Bytes broken in one turn."""


class Corrupt(Toxic, kind="corrupt"):
    """Flips one bit of each byte with probability `probability`."""

    probability: float = 0.0

    def check(self) -> None:
        """Refuse what is no probability."""
        check_range("probability", self.probability, 0, 1)

    def gap(self, stub: Stub) -> int:
        """Return how many bytes stay whole before the next broken one."""
        if self.probability >= 1:
            return 0
        if self.probability <= 0:
            return 1 << 62
        draw = 1.0 - stub.random.random()
        return min(int(math.log(draw) / math.log1p(-self.probability)), 1 << 62)

    async def pipe(self, stub: Stub) -> None:
        """Break what is to be broken; what is left of the gap carries over to the next chunk."""
        gap = self.gap(stub)
        while chunk := await stub.receive():
            if gap < len(chunk.data):
                data = bytearray(chunk.data)
                for broken in itertools.count(1):
                    data[gap] ^= 1 << stub.random.getrandbits(3)
                    gap += 1 + self.gap(stub)
                    if gap >= len(data):
                        break
                    if broken % AT_ONCE == 0:
                        await stub.rest()
                stub.hand = Chunk(bytes(data), chunk.at)
            gap -= len(chunk.data)
            await stub.forward()
