"""A service of the data center on the shared registry, with a door that recovery can open slowly.

A tenant that loses its storage, or that nobody has visited for `SILENCE`, closes its door by
itself and waits for whoever is in charge of the recovery: if all tenants opened as soon as they
could, the backlog of days would fall on the first of them. While the registry has not been reached
for the first time, everything is answered 503 `storage`.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import ApiError, World, frame, gauge, read_body, reply
from services.store import Registry

from ._keeper import Keeper
from ._traffic import Traffic

Handler = Callable[[Request, Registry], Awaitable[Response]]
Kind = Literal["guarded", "operator", "read"]


class Wish(msgspec.Struct):
    """What the recovery plan, or an operator, wants the admission to be."""

    share: float
    reason: str = "operator"

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be 0 to 1")


class Tenant:
    """The part of a data center service that is not its business."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._keeper = Keeper(world)
        self._traffic = Traffic()
        self._told = Traffic()

    def app(self, *routes: Route) -> Starlette:
        """The app with the tenant's own routes."""
        return frame(
            self._world,
            routes=[
                Route("/admission", self._get_admission, methods=["GET"]),
                Route("/admission", self._put_admission, methods=["PUT"]),
                Route("/ready", self._get_ready, methods=["GET"]),
                *routes,
            ],
            status=self._status,
            opening=self._keeper.open,
            background=[self._keeper.keep, self._gauge],
            closing=self._keeper.close,
        )

    def route(
        self, path: str, handler: Handler, method: str = "GET", kind: Kind = "guarded"
    ) -> Route:
        """A route to `handler`, which is given the registry.

        `guarded`: subject to admission. `operator`: is not. `read`: is not, and does not count as
        traffic: the paged reads of whoever looks into the books.
        """

        async def endpoint(request: Request) -> Response:
            ask = partial(self._keeper.ask, partial(handler, request))
            return await (ask() if kind == "read" else self._count(ask, guarded=kind == "guarded"))

        return Route(path, endpoint, methods=[method])

    async def _count(self, ask: Callable[[], Awaitable[Response]], *, guarded: bool) -> Response:
        self._keeper.heard()
        self._traffic.received += 1
        if guarded and self._keeper.prepared and not self._keeper.door.admit():
            self._traffic.refused += 1
            raise self._refusal()
        served = False
        try:
            response = await ask()
            served = True
        except ApiError as error:
            served = error.status < 500
            raise
        finally:
            if served:
                self._traffic.served += 1
            else:
                self._traffic.failed += 1
        return response

    def _refusal(self) -> ApiError:
        door = self._keeper.door
        pause = self._world.clock.machine(60)
        return ApiError(503, "admission", door.reason, retry_after=pause, state=door.state)

    async def _gauge(self) -> None:
        def read() -> dict[str, object]:
            fresh = self._traffic.since(self._told)
            self._told = self._traffic.copy()
            return {**fresh.numbers()}

        await gauge(self._world, read, flows=["received", "served", "refused", "failed"])

    # ---- its own interface ----------------------------------------------------------------------

    def _status(self) -> dict[str, object]:
        keeper = self._keeper
        return {
            "mode": keeper.door.state,
            "quiescent": self._traffic.in_flight == 0 and not keeper.unkept,
            "reason": keeper.door.reason,
            "storage": keeper.storage,
            **self._traffic.numbers(),
        }

    async def _get_admission(self, _request: Request) -> Response:
        self._keeper.heard()
        return reply(self._keeper.door.told())

    async def _put_admission(self, request: Request) -> Response:
        self._keeper.heard()
        wish = await read_body(request, Wish)
        await self._keeper.set(wish.share, wish.reason)
        return reply(self._keeper.door.told())

    async def _get_ready(self, _request: Request) -> Response:
        self._keeper.heard()
        await self._keeper.ask(lambda registry: registry.ping())
        return reply({"storage": True})
