"""slow_close: forwards data, but delays the close of the connection."""

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class SlowClose(Toxic, type_name="slow_close"):
    """Delays the close by `delay` milliseconds."""

    delay: int = 0

    def validate(self) -> None:
        """Check the duration."""
        check_milliseconds("delay", self.delay)

    async def pipe(self, stub: Stub) -> None:
        """Forward all data, and wait before the end."""
        while await stub.receive():
            await stub.forward()
        await stub.sleep_until(stub.time() + self.delay / 1000)
