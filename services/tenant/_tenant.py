"""A service of the data center: shared registry, admission control, and counters of its traffic.

A tenant that loses its storage, or that has had no caller for `SILENCE`, closes its admission
control by itself and waits for the recovery plan to open it. If all tenants opened as soon as they
could, the first one would receive the backlog of days at once. Until the registry has been reached
for the first time, every request is answered with 503 `storage`.
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


class AdmissionChange(msgspec.Struct):
    """The body of `PUT /admission`, sent by the recovery plan or an operator."""

    share: float
    reason: str = "operator"

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be 0 to 1")


class Tenant:
    """The common part of all services of the data center."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._admission_store = AdmissionStore(world)
        self._traffic = Traffic()
        self._last_gauge = Traffic()

    def app(self, *routes: Route) -> Starlette:
        """Return the app with the common routes and the service's own `routes`."""
        return build_app(
            self._world,
            routes=[
                Route("/admission", self._get_admission, methods=["GET"]),
                Route("/admission", self._put_admission, methods=["PUT"]),
                Route("/ready", self._get_ready, methods=["GET"]),
                *routes,
            ],
            status=self._status,
            on_startup=self._admission_store.open,
            background=[self._admission_store.run, self._gauge],
            on_shutdown=self._admission_store.close,
        )

    def route(
        self, path: str, handler: Handler, method: str = "GET", kind: Kind = "guarded"
    ) -> Route:
        """Return a route to `handler`, which is called with the request and the registry.

        Args:
            path: The path of the route.
            handler: Handles a request.
            method: The HTTP method.
            kind: `guarded` is subject to admission control; `operator` is not; `read` is not, and
                does not count as traffic (the paged reads that verify the data).
        """

        async def endpoint(request: Request) -> Response:
            handle = partial(self._admission_store.call, partial(handler, request))
            if kind == "read":
                return await handle()
            return await self._count(handle, guarded=kind == "guarded")

        return Route(path, endpoint, methods=[method])

    async def _count(self, handle: Callable[[], Awaitable[Response]], *, guarded: bool) -> Response:
        self._admission_store.record_activity()
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
            response = await handle()
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
            added = self._traffic.since(self._last_gauge)
            self._last_gauge = self._traffic.copy()
            return {**added.numbers()}

        await log_gauge(self._world, read, deltas=["received", "served", "refused", "failed"])

    # ---- common routes --------------------------------------------------------------------------

    def _status(self) -> dict[str, object]:
        store = self._admission_store
        return {
            "mode": store.admission.state,
            "quiescent": self._traffic.in_flight == 0 and not store.unsaved,
            "reason": store.admission.reason,
            "storage": store.has_storage,
            **self._traffic.numbers(),
        }

    async def _get_admission(self, _request: Request) -> Response:
        self._admission_store.record_activity()
        return reply(self._admission_store.admission.describe())

    async def _put_admission(self, request: Request) -> Response:
        self._admission_store.record_activity()
        change = await read_body(request, AdmissionChange)
        await self._admission_store.set(change.share, change.reason)
        return reply(self._admission_store.admission.describe())

    async def _get_ready(self, _request: Request) -> Response:
        self._admission_store.record_activity()
        await self._admission_store.call(lambda registry: registry.ping())
        return reply({"storage": True})
