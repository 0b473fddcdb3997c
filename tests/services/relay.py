"""A TCP relay that a test can cut, blackhole, or make lose replies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

State = Literal["up", "cut", "blackhole", "replies lost"]


class Relay:
    """Forwards connections to its `port` to a target on loopback, unless a fault is active."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._forwarding = asyncio.Event()
        self._forwarding.set()
        self._replies_left: int | None = None
        self.state: State = "up"
        self.port = 0

    def up(self) -> None:
        """Remove the fault; bytes that were held back are forwarded."""
        self.state = "up"
        self._replies_left = None
        self._forwarding.set()

    def cut(self) -> None:
        """Reset all open and all new connections."""
        self.state = "cut"
        self._forwarding.set()
        self.reset()

    def reset(self) -> None:
        """Reset all open connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    def blackhole(self) -> None:
        """Accept connections and forward nothing."""
        self.state = "blackhole"
        self._forwarding.clear()

    def lose_replies(self) -> None:
        """Forward requests and hold back replies."""
        self.state = "replies lost"
        self._forwarding.clear()

    def lose_replies_after(self, replies: int) -> None:
        """Forward that many more chunks of replies, then only requests."""
        self._replies_left = replies

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self.state == "cut":
                return
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(forth)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, forth, are_replies=False))
                group.create_task(self._pump(back, writer, are_replies=True))
        except (OSError, ExceptionGroup):
            pass
        finally:
            for one in [writer, locals().get("forth")]:
                if one is not None:
                    one.transport.abort()
                    self._writers.discard(one)
            self._tasks.discard(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, are_replies: bool
    ) -> None:
        while data := await reader.read(65536):
            if are_replies and self._replies_left is not None:
                if self._replies_left == 0:
                    self.lose_replies()
                self._replies_left -= 1
            if self.state == "blackhole" or (are_replies and self.state == "replies lost"):
                await self._forwarding.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()

    async def close(self) -> None:
        """Abort all connections; do not cancel tasks, which asyncio logs as an error."""
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
