"""Who watches a tenant's admission: its storage, its silence, and what the registry remembers of it.

How a tenant comes up is decided by what the registry remembers of its last life:

    nothing                           open: this data center has never been disturbed
    closed                            closed, for the reason of then
    open, and that is fresh           as it was: a short stumble of one process
    open, but SILENCE has passed,     closed (`restarted`): it cannot know what happened meanwhile
    or the registry had to be waited for

Until the registry has been reached the admission is shut and says `starting`, however long that takes:
whether this life begins open or closed is not known, and nobody should take it for an outage that
a process is slow to come up.

So an open admission is a lease, renewed for as long as the tenant lives.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from services import population
from services.kit import ApiError, World
from services.store import Admission, Registry, StorageError, StorageOutcomeUnknownError

from ._admission import AdmissionControl
from ._health import Quiet, Storage

T = TypeVar("T")

RENEWALS = 6
"""How many times within its term the lease of an open admission is renewed."""


class AdmissionStore:
    """Opens the registry and the admission, and closes the admission when either side is lost."""

    def __init__(self, world: World) -> None:
        clock = world.clock
        self._world = world
        self._timeout = clock.with_floor(world.seconds("STORAGE_TIMEOUT", 5))
        # Never shorter than several polls of the command centre, which are kept above the floor.
        self._silence = max(world.seconds("SILENCE", 1800), RENEWALS * clock.with_floor(0))
        self._round = min(clock.with_floor(60), self._silence / RENEWALS)
        self._storage = Storage(2 * self._timeout)
        self._quiet = Quiet(self._silence)
        self._registry: Registry | None = None
        self._waited_for = ""
        self._kept_at = 0.0
        self.admission = AdmissionControl(world.log, "starting")
        self.prepared = False
        """Whether the registry has been reached, and the admission stands as it should."""
        self.unkept = False
        """The registry may remember another admission than the admission's."""

    @property
    def storage(self) -> bool:
        """Whether the storage answered when it was last asked."""
        return self.prepared and not self._storage.failing

    def heard(self) -> None:
        """Somebody came: a user, or the command centre's heartbeat."""
        self._quiet.heard()

    async def ask(self, question: Callable[[Registry], Awaitable[T]]) -> T:
        """Ask the registry something on behalf of a caller, who is told if it fails."""
        if self._registry is None or not self.prepared:
            why = f": {self._waited_for}" if self._waited_for else ""
            raise self._failure(StorageError(f"the registry has not been reached yet{why}"))
        try:
            answer = await question(self._registry)
        except StorageError as error:
            raise self._failure(error) from error
        self._storage.answered()
        return answer

    async def set(self, share: float, reason: str) -> None:
        """Set the admission, for this life and the next.

        To close is always possible, whether or not the storage is there to remember it. To open
        is not: neither would there be anything to serve, nor would the next life know.
        """
        if share > 0:
            await self.ask(lambda registry: self._remember(registry, share, reason))
            self.admission.set(share, reason)
            self.unkept = False
            return
        self.admission.set(0, reason)
        self.unkept = True
        if self.prepared and self._registry is not None:
            await self._look(self._registry)

    # ---- coming up and going down ---------------------------------------------------------------

    async def open(self) -> None:
        """Open the registry and, if it is there, the admission."""
        dsn = self._world.env["DATABASE"]
        self._registry = await self._world.registry(
            dsn, self._world.clock.wall_seconds(self._timeout)
        )
        await self._prepare(self._registry)

    async def close(self) -> None:
        """Let go of the registry."""
        if self._registry is not None:
            await self._registry.close()

    async def _prepare(self, registry: Registry) -> None:
        people = self._world.number("POPULATION", population.POPULATION)
        try:
            await registry.prepare(people)
            kept = await registry.admission(self._world.name)
        except StorageError as error:
            self._waited_for = str(error) or type(error).__name__
            self._storage.failed(self._world.clock.now())
            return
        self._storage.answered()
        self.prepared = True
        if not self.unkept:  # otherwise somebody closed it while it was coming up
            self.admission.set(*self._resume(kept))
        self.unkept = True

    def _resume(self, kept: Admission | None) -> tuple[float, str]:
        if kept is None:
            return 1, "undisturbed"
        if kept.share <= 0:
            return 0, kept.reason
        if self._waited_for or self._world.clock.now() - kept.at > self._silence:
            return 0, "restarted"
        return kept.share, kept.reason

    # ---- keeping watch --------------------------------------------------------------------------

    async def keep(self) -> None:
        """Renew the lease, look after the storage, listen whether anybody is there; for ever."""
        assert self._registry is not None
        while True:
            if not self.prepared:
                await self._prepare(self._registry)
            elif await self._look(self._registry) and self.unkept:
                continue  # the admission was changed while it was being written
            pause = self._timeout if self._storage.failing else self._round
            await self._world.clock.sleep(pause)
            if self._quiet.listened(pause):
                self._shut(f"silence: nobody has been heard for {self._silence:.0f} s")

    async def _look(self, registry: Registry) -> bool:
        """Ask the storage for something; whether it answered."""
        stale = self._world.clock.now() - self._kept_at >= self._silence / RENEWALS
        try:
            if self.unkept or (self.admission.share > 0 and stale):
                await self._remember(registry, self.admission.share, self.admission.reason)
            else:
                await registry.ping()
        except StorageError as error:
            self._failure(error)
            return False
        self._storage.answered()
        return True

    async def _remember(self, registry: Registry, share: float, reason: str) -> None:
        now = self._world.clock.now()
        self.unkept = True  # until it is known to be kept
        await registry.set_admission(self._world.name, Admission(share, reason, now))
        self._kept_at = now
        self.unkept = (share, reason) != (self.admission.share, self.admission.reason)

    def _failure(self, error: StorageError) -> ApiError:
        """The answer to a call that the storage failed, after noting that it did."""
        if self._storage.failed(self._world.clock.now()):
            self._shut(f"storage lost: {error}")
        if isinstance(error, StorageOutcomeUnknownError):
            return ApiError(500, "unsure", f"the write may have happened: {error}")
        return ApiError(503, "storage", str(error), retry_after=self._timeout)

    def _shut(self, reason: str) -> None:
        if self.prepared and self.admission.share > 0:
            self.admission.set(0, reason)
            self.unkept = True
