"""A TCP link that a test can cut, blackhole, or rob of its answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

State = Literal["up", "cut", "blackhole", "deaf"]


class Relay:
    """Forwards to `port`. While `deaf`, requests arrive and answers do not."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._pairs: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._answers_left: int | None = None
        self.state: State = "up"
        self.port = 0

    def up(self) -> None:
        """Forward again, as if nothing had been. Held bytes are forwarded."""
        self.state = "up"
        self._answers_left = None
        self._flows.set()

    def cut(self) -> None:
        """Reset what is open and whatever comes."""
        self.state = "cut"
        self._flows.set()
        self.reset()

    def reset(self) -> None:
        """Reset what is open."""
        for writer in list(self._pairs):
            writer.transport.abort()

    def blackhole(self) -> None:
        """Accept, and forward nothing."""
        self.state = "blackhole"
        self._flows.clear()

    def deafen(self) -> None:
        """Forward requests only."""
        self.state = "deaf"
        self._flows.clear()

    def deafen_after(self, answers: int) -> None:
        """Forward that many more pieces of answers, then requests only."""
        self._answers_left = answers

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._pairs.add(writer)
        try:
            if self.state == "cut":
                return
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
            self._pairs.add(forth)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, forth, answers=False))
                group.create_task(self._pump(back, writer, answers=True))
        except (OSError, ExceptionGroup):
            pass
        finally:
            for one in [writer, locals().get("forth")]:
                if one is not None:
                    one.transport.abort()
                    self._pairs.discard(one)
            self._tasks.discard(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while data := await reader.read(65536):
            if answers and self._answers_left is not None:
                if self._answers_left == 0:
                    self.deafen()
                self._answers_left -= 1
            if self.state == "blackhole" or (answers and self.state == "deaf"):
                await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()

    async def close(self) -> None:
        """End every connection, without cancelling: asyncio's streams log that as an error."""
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def relay(target: int) -> AsyncIterator[Relay]:
    one = Relay(target)
    server = await asyncio.start_server(one.accept, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one.close()
