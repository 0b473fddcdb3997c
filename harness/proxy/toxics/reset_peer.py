"""reset_peer: resets the connection (TCP RST) some time after its first data or its end."""

from typing import ClassVar

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class Reset(Toxic, type_name="reset_peer"):
    """Resets both sides `timeout` milliseconds after the first data, which is dropped."""

    timeout: int = 0

    keeps_current_on_update: ClassVar[bool] = True

    def validate(self) -> None:
        """Check the duration."""
        check_milliseconds("timeout", self.timeout)

    async def pipe(self, stub: Stub) -> None:
        """Wait for data or the end of the stream, then for the timeout, then reset.

        The time of the first data survives an update, so a new `timeout` counts from it.
        """
        if stub.state is None:
            await stub.receive()
            stub.state = stub.time()
        await stub.sleep_until(stub.state + self.timeout / 1000)
        stub.drop()
        stub.link.close_connection(reset=True)
