"""A tenant's admission control, stored in the registry and closed when storage or callers are lost.

The state that the registry holds from the tenant's previous process decides how the tenant starts:

    nothing                             open: this data center has had no outage yet
    closed                              closed, with the stored reason
    open or share, recently confirmed   unchanged: only this process was restarted
    open or share, but older than       closed (`restarted`): it is unknown what happened in the
    SILENCE, or the registry could      meantime
    not be reached at once

Until the registry has been reached, the tenant is closed with the reason `starting`, however long
that takes. It is not known yet whether it will be open, and a slow start is not an outage.

An open admission is therefore a lease, which the tenant renews as long as it runs.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from services import population
from services.kit import ApiError, World
from services.store import Admission, Registry, StorageError, StorageOutcomeUnknownError

from ._admission import AdmissionControl
from ._health import SilenceTimer, StorageHealth

T = TypeVar("T")

RENEWALS = 6
"""How many times the lease of an open admission is renewed within `SILENCE`."""


class AdmissionStore:
    """Connects a tenant to the registry, and manages and stores its admission control.

    It closes the admission by itself when the storage is lost, or when no caller has been active
    for `SILENCE`.
    """

    def __init__(self, world: World) -> None:
        clock = world.clock
        self._world = world
        self._timeout = clock.with_floor(world.seconds("STORAGE_TIMEOUT", 5))
        # At least several polls of the command centre, whose interval is not below the floor.
        self._silence = max(world.seconds("SILENCE", 1800), RENEWALS * clock.with_floor(0))
        self._round = min(clock.with_floor(60), self._silence / RENEWALS)
        self._storage = StorageHealth(2 * self._timeout)
        self._silence_timer = SilenceTimer(self._silence)
        self._registry: Registry | None = None
        self._startup_error = ""
        self._stored_at = 0.0
        self.admission = AdmissionControl(world.log, "starting")
        self.prepared = False
        """True after the registry has been reached and the stored admission is restored."""
        self.unsaved = False
        """True if the registry may hold a different admission than `admission`."""

    @property
    def has_storage(self) -> bool:
        """True if the last call to the storage succeeded."""
        return self.prepared and not self._storage.is_failing

    def record_activity(self) -> None:
        """Record a call of a user, or a heartbeat of the command centre."""
        self._silence_timer.record_activity()

    async def call(self, operation: Callable[[Registry], Awaitable[T]]) -> T:
        """Run `operation` with the registry and return its result.

        Raises:
            ApiError: The registry has not been reached yet, or the operation failed.
        """
        if self._registry is None or not self.prepared:
            cause = f": {self._startup_error}" if self._startup_error else ""
            raise self._record_failure(
                StorageError(f"the registry has not been reached yet{cause}")
            )
        try:
            result = await operation(self._registry)
        except StorageError as error:
            raise self._record_failure(error) from error
        self._storage.record_success()
        return result

    async def set(self, share: float, reason: str) -> None:
        """Set the admission and store it.

        Closing (a share of 0) always succeeds, even if it cannot be stored now. Opening does not:
        without storage there is nothing to serve, and the state would be lost with a restart.

        Raises:
            ApiError: The admission cannot be opened, because the registry failed.
        """
        if share > 0:
            await self.call(lambda registry: self._save(registry, share, reason))
            self.admission.set(share, reason)
            self.unsaved = False
            return
        self.admission.set(0, reason)
        self.unsaved = True
        if self.prepared and self._registry is not None:
            await self._check_storage(self._registry)

    # ---- startup and shutdown -------------------------------------------------------------------

    async def open(self) -> None:
        """Open the registry and, if it answers, restore the stored admission."""
        dsn = self._world.env["DATABASE"]
        self._registry = await self._world.registry(
            dsn, self._world.clock.wall_seconds(self._timeout)
        )
        await self._prepare(self._registry)

    async def close(self) -> None:
        """Close the registry."""
        if self._registry is not None:
            await self._registry.close()

    async def _prepare(self, registry: Registry) -> None:
        people = self._world.number("POPULATION", population.POPULATION)
        try:
            await registry.prepare(people)
            stored = await registry.admission(self._world.name)
        except StorageError as error:
            self._startup_error = str(error) or type(error).__name__
            self._storage.record_failure(self._world.clock.now())
            return
        self._storage.record_success()
        self.prepared = True
        if not self.unsaved:  # otherwise it was closed by a call during the start
            self.admission.set(*self._initial_admission(stored))
        self.unsaved = True

    def _initial_admission(self, stored: Admission | None) -> tuple[float, str]:
        if stored is None:
            return 1, "undisturbed"
        if stored.share <= 0:
            return 0, stored.reason
        if self._startup_error or self._world.clock.now() - stored.at > self._silence:
            return 0, "restarted"
        return stored.share, stored.reason

    # ---- background task ------------------------------------------------------------------------

    async def run(self) -> None:
        """Renew the lease, check the storage and detect silence, for ever."""
        assert self._registry is not None
        while True:
            if not self.prepared:
                await self._prepare(self._registry)
            elif await self._check_storage(self._registry) and self.unsaved:
                continue  # the admission was changed while it was being stored
            pause = self._timeout if self._storage.is_failing else self._round
            await self._world.clock.sleep(pause)
            if self._silence_timer.end_round(pause):
                self._close_admission(f"silence: no caller for {self._silence:.0f} s")

    async def _check_storage(self, registry: Registry) -> bool:
        """Store the admission if that is due, else ping the storage; return True on success."""
        is_due = self._world.clock.now() - self._stored_at >= self._silence / RENEWALS
        try:
            if self.unsaved or (self.admission.share > 0 and is_due):
                await self._save(registry, self.admission.share, self.admission.reason)
            else:
                await registry.ping()
        except StorageError as error:
            self._record_failure(error)
            return False
        self._storage.record_success()
        return True

    async def _save(self, registry: Registry, share: float, reason: str) -> None:
        now = self._world.clock.now()
        self.unsaved = True  # until the write has succeeded
        await registry.set_admission(self._world.name, Admission(share, reason, now))
        self._stored_at = now
        self.unsaved = (share, reason) != (self.admission.share, self.admission.reason)

    def _record_failure(self, error: StorageError) -> ApiError:
        """Record a failed call to the storage; return the error response for the caller."""
        if self._storage.record_failure(self._world.clock.now()):
            self._close_admission(f"storage lost: {error}")
        if isinstance(error, StorageOutcomeUnknownError):
            return ApiError(500, "unsure", f"the write may have happened: {error}")
        return ApiError(503, "storage", str(error), retry_after=self._timeout)

    def _close_admission(self, reason: str) -> None:
        if self.prepared and self.admission.share > 0:
            self.admission.set(0, reason)
            self.unsaved = True
