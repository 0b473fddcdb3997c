"""timeout: drops all data, and closes the connection after a time without data.

With 0 it never closes (a black hole). Removing the toxic closes the live connections of its
stream, as in Toxiproxy, because the dropped bytes are missing from their streams.
"""

from typing import ClassVar

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class Timeout(Toxic, type_name="timeout"):
    """Drops all data, and closes after `timeout` milliseconds without data; 0 never closes."""

    timeout: int = 0

    closes_on_removal: ClassVar[bool] = True

    def validate(self) -> None:
        """Check the duration."""
        check_milliseconds("timeout", self.timeout)

    async def pipe(self, stub: Stub) -> None:
        """Drop chunks until none has arrived for `timeout` milliseconds."""
        while True:
            until = stub.time() + self.timeout / 1000 if self.timeout else None
            try:
                if not await stub.receive(until):
                    return
            except TimeoutError:
                return
            stub.drop()
