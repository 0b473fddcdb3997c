"""slow_close: data passes, but the end of the connection comes later."""

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class SlowClose(Toxic, kind="slow_close"):
    """Delays the close by `delay` milliseconds."""

    delay: int = 0

    def check(self) -> None:
        """Refuse what is no duration."""
        check_milliseconds("delay", self.delay)

    async def pipe(self, stub: Stub) -> None:
        """Pass on all data, then wait."""
        while await stub.receive():
            await stub.forward()
        await stub.sleep_until(stub.time() + self.delay / 1000)
