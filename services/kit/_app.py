"""The frame that every service's app hangs in: routes, errors, health, status, background work.

    def create(world: World) -> Starlette:
        ...
        return build_app(world, routes=[...], status=..., background=[...])

A background task that dies would leave a service that answers and does nothing: the worst kind
of failure, because every health check stays green. So its death is logged as `crash`, every
later request is answered 500, and the world is told, which in a real process means: exit.
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
Work = Callable[[], Coroutine[object, object, None]]
"""Something that a service does for as long as it lives."""
Numbers = Mapping[str, object]


class ApiError(Exception):
    """What a caller is told instead of an answer: a status, a code for machines, a reason."""

    def __init__(
        self,
        status: int,
        code: str,
        reason: str,
        retry_after: float | None = None,
        **fields: object,
    ) -> None:
        """Let `retry_after` be in seconds of life."""
        super().__init__(f"{code}: {reason}")
        self.status = status
        self.code = code
        self.reason = reason
        self.retry_after = retry_after
        self.fields = fields


def reply(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`content` as a JSON answer."""
    return Response(
        msgspec.json.encode(content), status, dict(headers or {}), media_type="application/json"
    )


def error_reply(world: World, error: ApiError) -> Response:
    """`error` as the JSON answer that every service gives.

    The body counts in seconds of life; the `Retry-After` header, which is for clients that know
    nothing of the pace, in real ones.
    """
    body = {"error": error.code, "reason": error.reason, **error.fields}
    headers = {}
    if error.retry_after is not None:
        body["retry_after"] = error.retry_after
        headers["Retry-After"] = str(max(1, math.ceil(world.clock.wall_seconds(error.retry_after))))
    return reply(body, error.status, headers)


async def read_body(request: Request, kind: type[T]) -> T:
    """The request's body as a `kind`; anything else is the caller's fault."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:  # includes ValidationError
        raise ApiError(400, "body", str(error)) from error


def build_app(
    world: World,
    *,
    routes: Sequence[Route],
    status: Callable[[], Numbers],
    background: Sequence[Work] = (),
    opening: Callable[[], Awaitable[None]] | None = None,
    closing: Callable[[], Awaitable[None]] | None = None,
) -> Starlette:
    """The app of a service.

    `status` gives `mode`, `quiescent` and whatever numbers tell the service's story. `opening` is
    awaited before the first request. `background` runs from then to shutdown; `closing` is awaited
    after the background has ended. A background task may end; only one that fails brings the
    service down.
    """
    life = _Life(world, background, opening, closing)

    async def health(_request: Request) -> Response:
        return reply({"status": "ok"})

    async def tell_status(_request: Request) -> Response:
        return reply({"service": world.name, **status()})

    async def on_api_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return error_reply(world, error)

    async def on_http_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "unknown", 405: "method"}.get(error.status_code, "http")
        return error_reply(world, ApiError(error.status_code, code, error.detail))

    app = Starlette(
        routes=[Route("/health", health), Route("/status", tell_status), *routes],
        exception_handlers={ApiError: on_api_error, HTTPException: on_http_error},
        lifespan=life.span,
    )
    app.add_middleware(_Guard, life=life)
    return app


class _Life:
    """The background tasks of one app, and what is known of their end."""

    def __init__(
        self,
        world: World,
        background: Sequence[Work],
        opening: Callable[[], Awaitable[None]] | None,
        closing: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._world = world
        self._background = background
        self._opening = opening
        self._closing = closing
        self.crashed = ""

    @asynccontextmanager
    async def span(self, _app: Starlette) -> AsyncIterator[None]:
        if self._opening is not None:
            await self._opening()
        tasks = [asyncio.ensure_future(self._watch(work)) for work in self._background]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._closing is not None:
                await self._closing()

    async def _watch(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it was, the service must not outlive it
            self.crashed = f"{type(error).__name__}: {error}"
            name = getattr(work, "__qualname__", repr(work))
            self._world.log("crash", task=name, reason=self.crashed, trace=traceback.format_exc())
            self._world.crash()


class _Guard:
    """Answers 500 to everything once a background task has died, health checks included."""

    def __init__(self, app: ASGIApp, life: _Life) -> None:
        self._app = app
        self._life = life

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._life.crashed and scope["type"] == "http":
            answer = reply({"error": "crash", "reason": self._life.crashed}, 500)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def log_gauge(
    world: World,
    read: Callable[[], Numbers],
    *,
    flows: Sequence[str] = (),
    every: float = 60,
) -> None:
    """Log `read()` as `gauge` every minute while anything changes; never returns.

    `flows` names the numbers that count events since the last gauge: unless all are zero,
    something happened, even if as much happened the minute before.
    """
    last: Numbers | None = None
    while True:
        numbers = dict(read())
        if numbers != last or any(numbers[name] for name in flows):
            world.log("gauge", **numbers)
        last = numbers
        await world.clock.sleep(world.clock.with_floor(every))
