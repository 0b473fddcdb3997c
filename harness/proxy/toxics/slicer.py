"""slicer: forwards data in small pieces, with a pause after each.

A chunk is halved repeatedly until each piece is at most `average_size` + `size_variation` bytes
long; each cut is moved by a random number of bytes within ±`size_variation`. As in Toxiproxy.
"""

from collections.abc import Iterator

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import MAX_MS, Toxic, ToxicError, check_range


class Slicer(Toxic, type_name="slicer"):
    """Cuts chunks into pieces of about `average_size` bytes, `delay` microseconds apart."""

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def validate(self) -> None:
        """Check sizes and delay; the sizes refused here crash Toxiproxy."""
        check_range("average_size", self.average_size, 1, 2**63 - 1, "bytes")
        check_range("size_variation", self.size_variation, 0, 2**63 - 1, "bytes")
        check_range("delay", self.delay, 0, MAX_MS * 1000, "microseconds")
        if self.size_variation > self.average_size:
            raise ToxicError(
                f"size_variation must be at most average_size ({self.average_size}), "
                f"not {self.size_variation}"
            )

    def sizes(self, length: int, stub: Stub) -> Iterator[int]:
        """Return the lengths of the pieces, in order."""
        todo = [length]
        while todo:
            size = todo.pop()
            if size - self.average_size <= self.size_variation or size < 2:
                yield size
                continue
            cut = size // 2
            if self.size_variation:
                cut += stub.random.randrange(2 * self.size_variation) - self.size_variation
                cut = min(max(cut, 1), size - 1)
            todo += [size - cut, cut]

    async def pipe(self, stub: Stub) -> None:
        """Forward each chunk piece by piece."""
        while chunk := await stub.receive():
            for size in self.sizes(len(chunk.data), stub):
                await stub.forward(size)
                if self.delay:
                    await stub.sleep_until(stub.time() + self.delay / 1_000_000)
