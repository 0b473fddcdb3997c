"""What tests of services are made of: a clock that is moved by hand, and a world around it.

    clock = FakeClock()
    world = fake_world("border", clock=clock)
    async with running(create(world)) as http:
        await clock.advance(60)

Nothing here waits for real time. `advance` moves the clock from one sleeper to the next and lets
everybody who can run do so in between, so that a test reads like the day that it describes.
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

MORNING = 1_718_830_800.0
"""2024-06-19T21:00:00Z, 04:00 in Jakarta on the 20th."""

TURNS = 200
"""Rounds of the event loop after which everybody who can run has run."""


class FakeClock:
    """Life passes only in `advance`. Time-outs of the event loop stay real."""

    def __init__(self, now: float = MORNING) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        """Seconds of life since 1970-01-01 UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait for somebody to `advance` the clock that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), wake))
        await wake

    def with_floor(self, seconds: float) -> float:
        """`seconds`: nothing here takes a computer any time."""
        return seconds

    def wall_seconds(self, seconds: float) -> float:
        """`seconds`."""
        return max(seconds, 0.0)

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, waking sleepers in their order."""
        end = self._now + seconds
        await run_until_idle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
                await run_until_idle()
        self._now = end


async def run_until_idle() -> None:
    """Let everybody run who can."""
    # asyncio's own loop can be asked whether anybody is left; another is given time enough.
    ready: Sized | None = getattr(asyncio.get_running_loop(), "_ready", None)
    for _ in range(TURNS):
        await asyncio.sleep(0)
        if ready is not None and not len(ready):
            return


class Events:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.all: list[dict[str, object]] = []

    def __call__(self, event: str, **fields: object) -> None:
        """Log `event` with `fields`."""
        self.all.append({"event": event, **fields})

    def named(self, event: str) -> list[dict[str, object]]:
        """The events of one name."""
        return [one for one in self.all if one["event"] == event]


class Network:
    """Base URLs and the apps behind them; a cut one refuses, a black hole never answers."""

    def __init__(self) -> None:
        self.apps: dict[str, Starlette] = {}
        self.cut: set[str] = set()
        self.lost: set[str] = set()
        """URLs whose answers get lost after the request was carried out."""

    def client(self, base_url: str) -> httpx.AsyncClient:
        """A client for one base URL."""
        return httpx.AsyncClient(
            base_url=base_url,
            transport=_Wire(self, base_url),
            timeout=None,  # noqa: S113 - callers bring their own
            trust_env=False,
        )


class _Wire(httpx.AsyncBaseTransport):
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
    """A world in one process. `registry` outlives the service, as the data center does."""
    kept = MemoryRegistry() if registry is None else registry
    offline: dict[Path, Journal] = {}
    numbers = itertools.count(1)

    def same_paper(path: Path) -> Journal:
        return offline.setdefault(path, MemoryJournal())

    async def open_registry(_dsn: str, _timeout: float) -> Registry:
        return kept

    return World(
        name=name,
        env={"DATABASE": "memory", "POPULATION": "200", **(env or {})},
        clock=clock or FakeClock(),
        log=log or Events(),
        new_id=lambda: f"id-{next(numbers)}",
        http=(network or Network()).client,
        registry=open_registry,
        journal=journal or same_paper,
    )


class FlakyRegistry:
    """A registry whose moods the test decides."""

    def __init__(self, inner: Registry | None = None) -> None:
        self._inner = inner or MemoryRegistry()
        self.state: Literal["up", "down", "answers lost"] = "up"
        """`answers lost`: it does what it is asked to do, and the answer is lost."""

    @property
    def registry(self) -> Registry:
        """Itself, as what it stands for."""
        return cast("Registry", self)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._inner, name)

        async def call(*arguments: object) -> object:
            if self.state == "down" and name != "close":
                raise StorageUnavailableError("the test took it away")
            result: object = await method(*arguments)
            if self.state == "answers lost" and name != "close":
                raise StorageOutcomeUnknownError("the test lost the answer")
            return result

        return call


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """The app, started, and a client for it."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        await run_until_idle()
        yield client


def run(test: Awaitable[None]) -> None:
    """Run a test's coroutine in an event loop of its own."""

    async def main() -> None:
        await test

    asyncio.run(main())
