"""First come, first served at a number of desks that can change while people wait.

An officer's counter and a gate's lane are the same thing to who stands in line. An
`asyncio.Semaphore` would do for a fixed number; opening all counters, or closing a lane under the
feet of those who wait for it, it cannot do.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class DesksClosedError(Exception):
    """There is nobody to wait for: go elsewhere."""


class Desks:
    """`size` desks and the line in front of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken: set[int] = set()
        self._line: deque[asyncio.Future[int]] = deque()

    @property
    def busy(self) -> int:
        """How many desks serve somebody."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[int]:
        """Wait for a desk and keep it for the block, which is given its number, from 1.

        Raises:
            DesksClosedError: no desk is open, or the last one closed during the wait.
        """
        if self.size == 0:
            raise DesksClosedError
        if self._line or self.busy >= self.size:
            desk = await self._stand_in_line()
        else:
            desk = self._take()
        try:
            yield desk
        finally:
            self._free(desk)

    def resize(self, size: int) -> None:
        """Open or close desks. A desk that is in use closes when its traveller has gone."""
        self.size = size
        self._call()
        while size == 0 and self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_exception(DesksClosedError())

    def _take(self) -> int:
        desk = next(number for number in count(1) if number not in self._taken)
        self._taken.add(desk)
        return desk

    def _free(self, desk: int) -> None:
        self._taken.remove(desk)
        self._call()

    async def _stand_in_line(self) -> int:
        place: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place in self._line:
                self._line.remove(place)
            elif not place.cancelled() and place.exception() is None:
                self._free(place.result())  # called to a desk in the moment of leaving
            raise

    def _call(self) -> None:
        while self._line and self.busy < self.size:
            place = self._line.popleft()
            if not place.done():
                place.set_result(self._take())
