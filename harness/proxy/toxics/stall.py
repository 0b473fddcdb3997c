"""stall: what lost packets look like to a TCP stream: it stands still, then goes on, whole.

Each segment of 1448 bytes is lost with probability `loss`. A loss holds up its chunk, and all
that follow, for `delay` milliseconds (a retransmission timeout), twice that if the
retransmission is lost too, and so on. No byte is missing or changed: unlike dropping data,
which no network does to TCP.
"""

from typing import Final

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds, check_range

SEGMENT_BYTES: Final = 1448
MOST_RETRANSMISSIONS: Final = 8


class Stall(Toxic, kind="stall"):
    """Loses segments with probability `loss`; each loss costs `delay` milliseconds."""

    loss: float = 0.0
    delay: int = 200

    def check(self) -> None:
        """Refuse what is no probability or no duration."""
        check_range("loss", self.loss, 0, 1)
        check_milliseconds("delay", self.delay)

    def pause(self, length: int, stub: Stub) -> float:
        """Return for how many seconds a chunk of this length stands still."""
        seconds = 0.0
        for _ in range(-(-length // SEGMENT_BYTES)):
            timeout = self.delay / 1000
            for _ in range(MOST_RETRANSMISSIONS):
                if stub.random.random() >= self.loss:
                    break
                seconds += timeout
                timeout *= 2
        return seconds

    async def pipe(self, stub: Stub) -> None:
        """Stand still after a loss."""
        while chunk := await stub.receive():
            pause = self.pause(len(chunk.data), stub) if self.loss else 0.0
            if pause:
                await stub.sleep_until(stub.time() + pause)
            await stub.forward()
