"""First come, first served at a number of desks that can change while people wait.

An officer's counter and a gate's lane are the same thing to who stands in line. An
`asyncio.Semaphore` would do for a fixed number; opening all counters, or closing a lane under the
feet of those who wait for it, it cannot do.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class DesksClosedError(Exception):
    """There is nobody to wait for: go elsewhere."""


class Desks:
    """`size` desks and the line in front of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.busy = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a desk and keep it for the block.

        Raises:
            DesksClosedError: no desk is open, or the last one closed during the wait.
        """
        if self.size == 0:
            raise DesksClosedError
        if self._line or self.busy >= self.size:
            await self._stand_in_line()
        else:
            self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1
            self._call()

    def resize(self, size: int) -> None:
        """Open or close desks. A desk that is in use closes when its traveller has gone."""
        self.size = size
        self._call()
        while size == 0 and self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_exception(DesksClosedError())

    async def _stand_in_line(self) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place in self._line:
                self._line.remove(place)
            elif not place.cancelled() and place.exception() is None:
                self.busy -= 1  # called to a desk in the moment of leaving: hand it on
                self._call()
            raise

    def _call(self) -> None:
        while self._line and self.busy < self.size:
            place = self._line.popleft()
            if not place.done():
                self.busy += 1
                place.set_result(None)
