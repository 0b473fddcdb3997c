"""A service of the data center on the shared registry, with a door that recovery can open slowly.

A tenant that loses its storage, or that nobody has visited for `SILENCE`, closes its door by
itself and waits for whoever is in charge of the recovery: if all tenants opened as soon as they
could, the backlog of days would fall on the first of them.

How it comes up is decided by what the registry remembers of its last life:

    nothing                           open: this data center has never been disturbed
    closed                            closed, for the reason of then
    open, and that is fresh           as it was: a short stumble of one process
    open, but SILENCE has passed,     closed (`restarted`): it cannot know what happened meanwhile
    or the registry had to be waited for

So an open door is a lease: the tenant renews it while it lives. While the registry cannot be
reached for the first time, everything is answered 503 `storage`.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services import population
from services.kit import ApiError, World, frame, gauge, read_body, reply
from services.store import (
    Admission,
    Registry,
    StorageError,
    StorageUnsureError,
)

from ._door import Door
from ._health import Quiet, Storage
from ._traffic import Traffic

Handler = Callable[[Request, Registry], Awaitable[Response]]
Kind = Literal["guarded", "operator", "read"]

RENEWALS = 6
"""How many times within its term the lease of an open door is renewed."""


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
        clock = world.clock
        self._world = world
        self._traffic = Traffic()
        self._told = Traffic()
        self._timeout = clock.machine(world.seconds("STORAGE_TIMEOUT", 5))
        # Never shorter than several polls of the command centre, which are kept above the floor.
        self._silence = max(world.seconds("SILENCE", 1800), 6 * clock.machine(0))
        self._round = min(clock.machine(60), self._silence / RENEWALS)
        self._storage = Storage(2 * self._timeout)
        self._quiet = Quiet(self._silence)
        self._registry: Registry | None = None
        self._prepared = False
        self._waited = False
        self._kept_at = 0.0
        self._unkept = False  # the registry remembers another admission than ours
        self.door = Door(world.log, "starting")

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
            opening=self._open,
            background=[self._keep, self._gauge],
            closing=self._close,
        )

    def route(
        self, path: str, handler: Handler, method: str = "GET", kind: Kind = "guarded"
    ) -> Route:
        """A route to `handler`, which is given the registry.

        `guarded`: subject to admission. `operator`: is not. `read`: is not, and does not count as
        traffic: the paged reads of whoever looks into the books.
        """
        work = partial(self._serve, handler) if kind == "read" else None
        work = work or partial(self._count, handler, guarded=kind == "guarded")

        async def endpoint(request: Request) -> Response:
            return await work(request)

        return Route(path, endpoint, methods=[method])

    async def _count(self, handler: Handler, request: Request, *, guarded: bool) -> Response:
        self._quiet.heard()
        self._traffic.received += 1
        ended = "failed"
        try:
            if guarded and self._prepared and not self.door.admit():
                ended = "refused"
                raise self._refusal()
            response = await self._serve(handler, request)
            ended = "served"
        except ApiError as error:
            if error.status < 500:
                ended = "served"
            raise
        else:
            return response
        finally:
            setattr(self._traffic, ended, getattr(self._traffic, ended) + 1)

    def _refusal(self) -> ApiError:
        return ApiError(
            503,
            "admission",
            self.door.reason,
            retry_after=self._world.clock.machine(60),
            state=self.door.state,
        )

    async def _serve(self, handler: Handler, request: Request) -> Response:
        if self._registry is None or not self._prepared:
            raise self._failure(StorageError("the registry has not been reached yet"))
        try:
            response = await handler(request, self._registry)
        except StorageError as error:
            raise self._failure(error) from error
        self._storage.answered()
        return response

    def _failure(self, error: StorageError) -> ApiError:
        """The answer to a call that the storage failed, after noting that it did."""
        if self._storage.failed(self._world.clock.now()):
            self._shut(f"storage lost: {error}")
        if isinstance(error, StorageUnsureError):
            return ApiError(500, "unsure", f"the write may have happened: {error}")
        return ApiError(503, "storage", str(error), retry_after=self._timeout)

    def _shut(self, reason: str) -> None:
        if self._prepared and self.door.share > 0:
            self.door.set(0, reason)
            self._unkept = True

    # ---- coming up ------------------------------------------------------------------------------

    async def _open(self) -> None:
        dsn = self._world.env["DATABASE"]
        self._registry = await self._world.registry(dsn, self._world.clock.real(self._timeout))
        await self._prepare(self._registry)

    async def _prepare(self, registry: Registry) -> None:
        people = self._world.number("POPULATION", population.POPULATION)
        try:
            await registry.prepare(people)
            kept = await registry.admission(self._world.name)
        except StorageError as error:
            self._waited = True
            self._storage.failed(self._world.clock.now())
            self.door.reason = f"restarted; the registry is not reached: {error}"
            return
        self._storage.answered()
        self._unkept = True
        self._prepared = True
        self.door.set(*self._resume(kept))

    def _resume(self, kept: Admission | None) -> tuple[float, str]:
        if kept is None:
            return 1, "undisturbed"
        if kept.share <= 0:
            return 0, kept.reason
        if self._waited or self._world.clock.now() - kept.at > self._silence:
            return 0, "restarted"
        return kept.share, kept.reason

    async def _close(self) -> None:
        if self._registry is not None:
            await self._registry.close()

    # ---- keeping watch --------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Renew the lease, look after the storage, listen whether anybody is there."""
        assert self._registry is not None
        while True:
            if not self._prepared:
                await self._prepare(self._registry)
            elif await self._look(self._registry) and self._unkept:
                continue  # the admission was changed while it was being written
            pause = self._timeout if self._storage.failing else self._round
            await self._world.clock.sleep(pause)
            if self._quiet.listened(pause):
                self._shut(f"silence: nobody has been heard for {self._silence:.0f} s")

    async def _look(self, registry: Registry) -> bool:
        """Ask the storage for something; whether it answered."""
        now = self._world.clock.now()
        stale = now - self._kept_at >= self._silence / RENEWALS
        try:
            if self._unkept or (self.door.share > 0 and stale):
                await self._remember(registry, self.door.share, self.door.reason)
            else:
                await registry.ping()
        except StorageError as error:
            self._failure(error)
            return False
        self._storage.answered()
        return True

    async def _remember(self, registry: Registry, share: float, reason: str) -> None:
        now = self._world.clock.now()
        self._unkept = True  # until it is known to be kept
        await registry.set_admission(self._world.name, Admission(share, reason, now))
        self._kept_at = now
        self._unkept = (share, reason) != (self.door.share, self.door.reason)

    async def _gauge(self) -> None:
        def read() -> dict[str, object]:
            fresh = self._traffic.since(self._told)
            self._told = self._traffic.copy()
            return {**fresh.numbers()}

        await gauge(self._world, read, flows=["received", "served", "refused", "failed"])

    # ---- its own interface ----------------------------------------------------------------------

    def _status(self) -> dict[str, object]:
        return {
            "mode": self.door.state,
            "quiescent": self._traffic.in_flight == 0 and not self._unkept,
            "reason": self.door.reason,
            "storage": self._prepared and not self._storage.failing,
            **self._traffic.numbers(),
        }

    async def _get_admission(self, _request: Request) -> Response:
        self._quiet.heard()
        return reply(self.door.told())

    async def _put_admission(self, request: Request) -> Response:
        self._quiet.heard()
        wish = await read_body(request, Wish)
        if wish.share <= 0:
            # To close is always possible, whether or not the storage is there to remember it.
            self.door.set(0, wish.reason)
            self._unkept = True

        async def remember(_request: Request, registry: Registry) -> Response:
            await self._remember(registry, wish.share, wish.reason)
            self.door.set(wish.share, wish.reason)
            self._unkept = False
            return reply(self.door.told())

        try:
            return await self._serve(remember, request)
        except ApiError:
            if wish.share <= 0:
                return reply(self.door.told())
            raise

    async def _get_ready(self, request: Request) -> Response:
        self._quiet.heard()

        async def ping(_request: Request, registry: Registry) -> Response:
            await registry.ping()
            return reply({"storage": True})

        return await self._serve(ping, request)
