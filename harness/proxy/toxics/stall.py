"""stall: simulates the effect of packet loss on a TCP stream, which pauses and then continues.

Each segment of 1448 bytes is lost with probability `loss`. A loss delays its chunk and all later
ones by `delay` milliseconds (a retransmission timeout), by twice that if the retransmission is
lost too, and so on. No byte is missing or changed: TCP repairs losses, so a toxic that drops data
would simulate something that no network does.
"""

from typing import Final

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds, check_range

SEGMENT_BYTES: Final = 1448
MAX_RETRANSMISSIONS: Final = 8


class Stall(Toxic, type_name="stall"):
    """Loses segments with probability `loss`; each loss costs `delay` milliseconds."""

    loss: float = 0.0
    delay: int = 200

    def validate(self) -> None:
        """Check probability and duration."""
        check_range("loss", self.loss, 0, 1)
        check_milliseconds("delay", self.delay)

    def pause(self, length: int, stub: Stub) -> float:
        """Return the pause for a chunk of this length, in seconds."""
        seconds = 0.0
        for _ in range(-(-length // SEGMENT_BYTES)):
            timeout = self.delay / 1000
            for _ in range(MAX_RETRANSMISSIONS):
                if stub.random.random() >= self.loss:
                    break
                seconds += timeout
                timeout *= 2
        return seconds

    async def pipe(self, stub: Stub) -> None:
        """Pause before each chunk that a loss is drawn for."""
        while chunk := await stub.receive():
            pause = self.pause(len(chunk.data), stub) if self.loss else 0.0
            if pause:
                await stub.sleep_until(stub.time() + pause)
            await stub.forward()
