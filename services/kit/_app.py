"""The ASGI app that every service builds: routes, errors, health, status, background tasks.

    def create(world: World) -> Starlette:
        ...
        return build_app(world, routes=[...], status=..., background=[...])

If a background task fails silently, the service answers requests but no longer does its work, and
every health check stays green. Therefore a failed task is logged as `crash`, every later request
is answered with status 500, and `World.crash` is called, which ends a real process.
"""

import asyncio
import math
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ._world import World

T = TypeVar("T")
BackgroundTask = Callable[[], Coroutine[object, object, None]]
"""A coroutine function that runs from the start of the service to its shutdown."""
Fields = Mapping[str, object]


class ApiError(Exception):
    """An error response: an HTTP status, a machine-readable code and a reason.

    Args:
        status: The HTTP status.
        code: The `error` field of the body.
        reason: The `reason` field of the body.
        retry_after: Scenario seconds after which the client may try again.
        fields: Further fields of the body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        reason: str,
        retry_after: float | None = None,
        **fields: object,
    ) -> None:
        super().__init__(f"{code}: {reason}")
        self.status = status
        self.code = code
        self.reason = reason
        self.retry_after = retry_after
        self.fields = fields


def reply(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `content` as a JSON response."""
    return Response(
        msgspec.json.encode(content), status, dict(headers or {}), media_type="application/json"
    )


def error_reply(world: World, error: ApiError) -> Response:
    """Return the JSON response for `error`, in the format that all services share.

    The body's `retry_after` is in scenario seconds. The `Retry-After` header is in wall-clock
    seconds, for clients that do not know the pace of the scenario.
    """
    body = {"error": error.code, "reason": error.reason, **error.fields}
    headers = {}
    if error.retry_after is not None:
        body["retry_after"] = error.retry_after
        headers["Retry-After"] = str(max(1, math.ceil(world.clock.wall_seconds(error.retry_after))))
    return reply(body, error.status, headers)


async def read_body(request: Request, body_type: type[T]) -> T:
    """Return the request's JSON body, decoded and validated as a `body_type`.

    Raises:
        ApiError: The body is not valid (status 400, code `body`).
    """
    try:
        return msgspec.json.decode(await request.body(), type=body_type)
    except msgspec.DecodeError as error:  # includes ValidationError
        raise ApiError(400, "body", str(error)) from error


def build_app(
    world: World,
    *,
    routes: Sequence[Route],
    status: Callable[[], Fields],
    background: Sequence[BackgroundTask] = (),
    on_startup: Callable[[], Awaitable[None]] | None = None,
    on_shutdown: Callable[[], Awaitable[None]] | None = None,
) -> Starlette:
    """Return the ASGI app of a service.

    Args:
        world: The service's dependencies.
        routes: The service's own routes; `/health` and `/status` are added.
        status: Returns the fields of `/status`: `mode`, `quiescent` and the service's numbers.
        background: Tasks that run from startup to shutdown. A task may return; one that raises an
            exception ends the service.
        on_startup: Awaited before the first request is served.
        on_shutdown: Awaited after the background tasks have ended.
    """
    lifespan = _Lifespan(world, background, on_startup, on_shutdown)

    async def health(_request: Request) -> Response:
        return reply({"status": "ok"})

    async def get_status(_request: Request) -> Response:
        return reply({"service": world.name, **status()})

    async def on_api_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return error_reply(world, error)

    async def on_http_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "unknown", 405: "method"}.get(error.status_code, "http")
        return error_reply(world, ApiError(error.status_code, code, error.detail))

    app = Starlette(
        routes=[Route("/health", health), Route("/status", get_status), *routes],
        exception_handlers={ApiError: on_api_error, HTTPException: on_http_error},
        lifespan=lifespan.run,
    )
    app.add_middleware(_CrashGuard, lifespan=lifespan)
    return app


class _Lifespan:
    """Starts and stops an app's background tasks and records the first failure in `crashed`."""

    def __init__(
        self,
        world: World,
        background: Sequence[BackgroundTask],
        on_startup: Callable[[], Awaitable[None]] | None,
        on_shutdown: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._world = world
        self._background = background
        self._on_startup = on_startup
        self._on_shutdown = on_shutdown
        self.crashed = ""

    @asynccontextmanager
    async def run(self, _app: Starlette) -> AsyncIterator[None]:
        if self._on_startup is not None:
            await self._on_startup()
        tasks = [asyncio.ensure_future(self._supervise(task)) for task in self._background]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._on_shutdown is not None:
                await self._on_shutdown()

    async def _supervise(self, task: BackgroundTask) -> None:
        try:
            await task()
        except Exception as error:  # noqa: BLE001 - the service must end after any error
            self.crashed = f"{type(error).__name__}: {error}"
            name = getattr(task, "__qualname__", repr(task))
            self._world.log("crash", task=name, reason=self.crashed, trace=traceback.format_exc())
            self._world.crash()


class _CrashGuard:
    """Answers every request with 500 after a background task failed, health checks included."""

    def __init__(self, app: ASGIApp, lifespan: _Lifespan) -> None:
        self._app = app
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._lifespan.crashed and scope["type"] == "http":
            response = reply({"error": "crash", "reason": self._lifespan.crashed}, 500)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def log_gauge(
    world: World,
    read: Callable[[], Fields],
    *,
    deltas: Sequence[str] = (),
    interval: float = 60,
) -> None:
    """Log the fields from `read()` as a `gauge` event at each interval; never return.

    An interval in which nothing changed is not logged.

    Args:
        world: The service's dependencies.
        read: Returns the current values.
        deltas: Names of fields that count events since the last gauge. If one of them is not
            zero, the interval is logged even if its values equal those of the interval before.
        interval: Scenario seconds between two gauges, at least the clock's floor.
    """
    last: Fields | None = None
    while True:
        fields = dict(read())
        if fields != last or any(fields[name] for name in deltas):
            world.log("gauge", **fields)
        last = fields
        await world.clock.sleep(world.clock.with_floor(interval))
