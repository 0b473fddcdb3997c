"""Test doubles for services: a clock that the test advances, and fakes for all dependencies.

    clock = FakeClock()
    world = fake_world("border", clock=clock)
    async with running(create(world)) as http:
        await clock.advance(60)

Nothing here waits for wall-clock time. `advance` moves the clock from one pending sleep to the next
and lets all tasks run in between, until each of them waits again.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sized
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, cast

import httpx
from starlette.applications import Starlette

from services.store import (
    MemoryRegistry,
    Registry,
    StorageOutcomeUnknownError,
    StorageUnavailableError,
)

from ._journal import Journal, MemoryJournal
from ._world import World

START_TIME = 1_718_830_800.0
"""2024-06-19T21:00:00Z, which is 04:00 on the 20th in Jakarta."""

MAX_ROUNDS = 200
"""Rounds of the event loop after which every task that can run is assumed to have run."""


class FakeClock:
    """A clock that moves only in `advance`. Time-outs of the event loop stay wall-clock time."""

    def __init__(self, now: float = START_TIME) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        """Return the scenario time in seconds since 1970-01-01 UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has advanced the clock by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), wake))
        await wake

    def with_floor(self, seconds: float) -> float:
        """Return `seconds` unchanged: this clock has no floor."""
        return seconds

    def wall_seconds(self, seconds: float) -> float:
        """Return `seconds` unchanged, or 0 if negative: this clock has a pace of 1."""
        return max(seconds, 0.0)

    async def advance(self, seconds: float) -> None:
        """Advance the clock by `seconds`, and wake the pending sleeps in order."""
        end = self._now + seconds
        await run_until_idle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
                await run_until_idle()
        self._now = end


async def run_until_idle() -> None:
    """Let all tasks run until none is ready."""
    # asyncio's own loop shows whether a callback is ready; others get a fixed number of rounds.
    ready: Sized | None = getattr(asyncio.get_running_loop(), "_ready", None)
    for _ in range(MAX_ROUNDS):
        await asyncio.sleep(0)
        if ready is not None and not len(ready):
            return


class Events:
    """A log that stores all events in memory."""

    def __init__(self) -> None:
        self.all: list[dict[str, object]] = []

    def __call__(self, event: str, **fields: object) -> None:
        """Log `event` with `fields`."""
        self.all.append({"event": event, **fields})

    def named(self, event: str) -> list[dict[str, object]]:
        """Return all events with the name `event`."""
        return [logged for logged in self.all if logged["event"] == event]


class Network:
    """An in-process network: base URLs and the apps behind them.

    A URL without an app, or one in `cut`, refuses connections.
    """

    def __init__(self) -> None:
        self.apps: dict[str, Starlette] = {}
        self.cut: set[str] = set()
        self.lost: set[str] = set()
        """Base URLs whose responses are lost after the request was processed."""

    def client(self, base_url: str) -> httpx.AsyncClient:
        """Return a client for one base URL."""
        return httpx.AsyncClient(
            base_url=base_url,
            transport=_NetworkTransport(self, base_url),
            timeout=None,  # noqa: S113 - callers set their own
            trust_env=False,
        )


class _NetworkTransport(httpx.AsyncBaseTransport):
    def __init__(self, network: Network, base_url: str) -> None:
        self._network = network
        self._base_url = base_url

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        app = self._network.apps.get(self._base_url)
        if app is None or self._base_url in self._network.cut:
            raise httpx.ConnectError("refused", request=request)
        response = await httpx.ASGITransport(app).handle_async_request(request)
        if self._base_url in self._network.lost:
            raise httpx.RemoteProtocolError("closed before the answer", request=request)
        return response


def fake_world(
    name: str = "service",
    env: Mapping[str, str] | None = None,
    *,
    clock: FakeClock | None = None,
    log: Events | None = None,
    registry: Registry | None = None,
    network: Network | None = None,
    journal: Callable[[Path], Journal] | None = None,
) -> World:
    """Return a world in one process.

    Services that are given the same `registry` share it. Journals are in memory; opening the same
    path again returns the same journal.
    """
    shared = MemoryRegistry() if registry is None else registry
    journals: dict[Path, Journal] = {}
    numbers = itertools.count(1)

    def open_journal(path: Path) -> Journal:
        return journals.setdefault(path, MemoryJournal())

    async def open_registry(_dsn: str, _timeout: float) -> Registry:
        return shared

    return World(
        name=name,
        env={"DATABASE": "memory", "POPULATION": "200", **(env or {})},
        clock=clock or FakeClock(),
        log=log or Events(),
        new_id=lambda: f"id-{next(numbers)}",
        http=(network or Network()).client,
        registry=open_registry,
        journal=journal or open_journal,
    )


class FlakyRegistry:
    """A registry that fails when the test sets its `state`."""

    def __init__(self, inner: Registry | None = None) -> None:
        self._inner = inner or MemoryRegistry()
        self.state: Literal["up", "down", "answers lost"] = "up"
        """`answers lost`: each call is carried out, and its outcome is reported as unknown."""

    @property
    def registry(self) -> Registry:
        """This object with the type `Registry`, for the type checker."""
        return cast("Registry", self)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._inner, name)

        async def call(*arguments: object) -> object:
            if self.state == "down" and name != "close":
                raise StorageUnavailableError("the registry is down in this test")
            result: object = await method(*arguments)
            if self.state == "answers lost" and name != "close":
                raise StorageOutcomeUnknownError("the answer is lost in this test")
            return result

        return call


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Start the app, and yield a client for it."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        await run_until_idle()
        yield client


def run(test: Awaitable[None]) -> None:
    """Run a test's coroutine in a new event loop."""

    async def main() -> None:
        await test

    asyncio.run(main())
