"""limit_data: the connection is closed after so many bytes; what is over is cut off."""

from typing import ClassVar

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_range


class LimitData(Toxic, kind="limit_data"):
    """Closes once `bytes` bytes have passed since it was added."""

    bytes: int = 0

    keeps_hand: ClassVar[bool] = True

    def check(self) -> None:
        """Refuse less than nothing."""
        check_range("bytes", self.bytes, 0, 2**63 - 1)

    async def pipe(self, stub: Stub) -> None:
        """Count; the count is kept when the limit is changed."""
        passed: int = stub.state or 0
        while chunk := stub.hand or await stub.receive():
            size = min(len(chunk.data), self.bytes - passed)
            if size > 0:
                await stub.forward(size)
                stub.state = passed = passed + size
            if passed >= self.bytes:
                return
