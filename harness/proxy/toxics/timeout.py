"""timeout: nothing gets through; after a silence of so long, the connection is closed.

With 0 it is never closed: a black hole. Removing the toxic closes the connections that it held,
because the bytes that it swallowed are missing from their streams.
"""

from typing import ClassVar

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class Timeout(Toxic, kind="timeout"):
    """Drops all data, and closes after `timeout` milliseconds without any."""

    timeout: int = 0

    closes_on_removal: ClassVar[bool] = True

    def check(self) -> None:
        """Refuse what is no duration."""
        check_milliseconds("timeout", self.timeout)

    async def pipe(self, stub: Stub) -> None:
        """Swallow until it has been quiet for long enough."""
        while True:
            until = stub.time() + self.timeout / 1000 if self.timeout else None
            try:
                if not await stub.receive(until):
                    return
            except TimeoutError:
                return
            stub.drop()
