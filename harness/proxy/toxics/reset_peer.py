"""reset_peer: the connection is reset (TCP RST) some time after the first data, or its end."""

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class Reset(Toxic, kind="reset_peer"):
    """Resets both sides `timeout` milliseconds after the first data, which is dropped."""

    timeout: int = 0

    def check(self) -> None:
        """Refuse what is no duration."""
        check_milliseconds("timeout", self.timeout)

    async def pipe(self, stub: Stub) -> None:
        """Wait for something to happen, then for the time to pass."""
        await stub.receive()
        await stub.sleep_until(stub.time() + self.timeout / 1000)
        stub.drop()
        stub.link.close_connection(reset=True)
