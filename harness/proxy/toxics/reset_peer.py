"""reset_peer: the connection is reset (TCP RST) some time after the first data, or its end."""

from typing import ClassVar

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class Reset(Toxic, kind="reset_peer"):
    """Resets both sides `timeout` milliseconds after the first data, which is dropped."""

    timeout: int = 0

    keeps_hand: ClassVar[bool] = True

    def check(self) -> None:
        """Refuse what is no duration."""
        check_milliseconds("timeout", self.timeout)

    async def pipe(self, stub: Stub) -> None:
        """Wait for something to happen, then for the time to pass, even if it is changed."""
        if stub.state is None:
            await stub.receive()
            stub.state = stub.time()
        await stub.sleep_until(stub.state + self.timeout / 1000)
        stub.drop()
        stub.link.close_connection(reset=True)
