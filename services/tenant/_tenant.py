"""A service of the data center on the shared registry, with a admission that recovery can open slowly.

A tenant that loses its storage, or that nobody has visited for `SILENCE`, closes its admission by
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

from services.kit import ApiError, World, build_app, log_gauge, read_body, reply
from services.store import Registry

from ._admission_store import AdmissionStore
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
        self._admission_store = AdmissionStore(world)
        self._traffic = Traffic()
        self._told = Traffic()

    def app(self, *routes: Route) -> Starlette:
        """The app with the tenant's own routes."""
        return build_app(
            self._world,
            routes=[
                Route("/admission", self._get_admission, methods=["GET"]),
                Route("/admission", self._put_admission, methods=["PUT"]),
                Route("/ready", self._get_ready, methods=["GET"]),
                *routes,
            ],
            status=self._status,
            opening=self._admission_store.open,
            background=[self._admission_store.keep, self._gauge],
            closing=self._admission_store.close,
        )

    def route(
        self, path: str, handler: Handler, method: str = "GET", kind: Kind = "guarded"
    ) -> Route:
        """A route to `handler`, which is given the registry.

        `guarded`: subject to admission. `operator`: is not. `read`: is not, and does not count as
        traffic: the paged reads of whoever looks into the books.
        """

        async def endpoint(request: Request) -> Response:
            ask = partial(self._admission_store.ask, partial(handler, request))
            return await (ask() if kind == "read" else self._count(ask, guarded=kind == "guarded"))

        return Route(path, endpoint, methods=[method])

    async def _count(self, ask: Callable[[], Awaitable[Response]], *, guarded: bool) -> Response:
        self._admission_store.heard()
        self._traffic.received += 1
        if (
            guarded
            and self._admission_store.prepared
            and not self._admission_store.admission.admit()
        ):
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
        admission = self._admission_store.admission
        pause = self._world.clock.with_floor(60)
        return ApiError(
            503, "admission", admission.reason, retry_after=pause, state=admission.state
        )

    async def _gauge(self) -> None:
        def read() -> dict[str, object]:
            fresh = self._traffic.since(self._told)
            self._told = self._traffic.copy()
            return {**fresh.numbers()}

        await log_gauge(self._world, read, flows=["received", "served", "refused", "failed"])

    # ---- its own interface ----------------------------------------------------------------------

    def _status(self) -> dict[str, object]:
        store = self._admission_store
        return {
            "mode": store.admission.state,
            "quiescent": self._traffic.in_flight == 0 and not store.unkept,
            "reason": store.admission.reason,
            "storage": store.storage,
            **self._traffic.numbers(),
        }

    async def _get_admission(self, _request: Request) -> Response:
        self._admission_store.heard()
        return reply(self._admission_store.admission.told())

    async def _put_admission(self, request: Request) -> Response:
        self._admission_store.heard()
        wish = await read_body(request, Wish)
        await self._admission_store.set(wish.share, wish.reason)
        return reply(self._admission_store.admission.told())

    async def _get_ready(self, _request: Request) -> Response:
        self._admission_store.heard()
        await self._admission_store.ask(lambda registry: registry.ping())
        return reply({"storage": True})
