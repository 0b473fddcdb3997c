"""A first-come, first-served queue for a number of desks that can change while clients wait.

Used for the officers of a counter and for the lanes of an autogate. An `asyncio.Semaphore` supports
only a fixed number of slots: it can neither add desks nor close them while clients are waiting.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class DesksClosedError(Exception):
    """No desk is open, so waiting is pointless."""


class Desks:
    """`size` desks and the queue in front of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken: set[int] = set()
        self._queue: deque[asyncio.Future[int]] = deque()

    @property
    def busy(self) -> int:
        """The number of desks in use."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """The number of clients in the queue."""
        return len(self._queue)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[int]:
        """Wait for a desk, hold it for the `with` block, and yield its number, from 1.

        Raises:
            DesksClosedError: No desk is open, or the last one closed during the wait.
        """
        if self.size == 0:
            raise DesksClosedError
        if self._queue or self.busy >= self.size:
            desk = await self._wait_in_queue()
        else:
            desk = self._take()
        try:
            yield desk
        finally:
            self._release(desk)

    def resize(self, size: int) -> None:
        """Open or close desks. A desk that is in use closes when it is released."""
        self.size = size
        self._call_next()
        while size == 0 and self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_exception(DesksClosedError())

    def _take(self) -> int:
        desk = next(number for number in count(1) if number not in self._taken)
        self._taken.add(desk)
        return desk

    def _release(self, desk: int) -> None:
        self._taken.remove(desk)
        self._call_next()

    async def _wait_in_queue(self) -> int:
        place: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place in self._queue:
                self._queue.remove(place)
            elif not place.cancelled() and place.exception() is None:
                self._release(place.result())  # a desk was assigned just before the cancellation
            raise

    def _call_next(self) -> None:
        while self._queue and self.busy < self.size:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(self._take())
