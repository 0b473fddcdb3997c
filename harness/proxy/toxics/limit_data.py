"""limit_data: closes the connection after a number of bytes, and drops the bytes beyond it."""

from typing import ClassVar

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_range


class LimitData(Toxic, type_name="limit_data"):
    """Closes once `bytes` bytes have passed since the toxic was added to the connection."""

    bytes: int = 0

    keeps_current_on_update: ClassVar[bool] = True

    def validate(self) -> None:
        """Check that the number of bytes is not negative."""
        check_range("bytes", self.bytes, 0, 2**63 - 1)

    async def pipe(self, stub: Stub) -> None:
        """Forward up to the limit; the count survives an update of the limit, as in Toxiproxy."""
        passed: int = stub.state or 0
        while chunk := stub.current or await stub.receive():
            size = min(len(chunk.data), self.bytes - passed)
            if size > 0:
                await stub.forward(size)
                stub.state = passed = passed + size
            if passed >= self.bytes:
                return
