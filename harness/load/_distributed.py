"""The load of a run shared among workers, as the conductor sees it: like a `LoadProcess`.

The process that the conductor speaks to is Locust's master. It sends nothing itself; its workers
run where `Workers` has them, and guests on other hosts may join. Each part of the history is
written here, by the master, from what its worker sends it.
"""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Protocol

from harness.errors import StackError, WorkerLostError

from ._config import LoadConfig
from ._process import LoadProcess, locust_words
from ._workers import Workers

_LISTENS_WITHIN = 30.0
_GUESTS_WITHIN = 120.0
"""Real seconds: somebody has to start them by hand."""

_LOOK_EVERY = 0.25
_GUESTS_PORT = 5557
"""Locust's own; guests come through firewalls and tunnels that have to know it beforehand."""


class RunLoad(Protocol):
    """The load of a run: a `LoadProcess` or a `DistributedLoad`, whose words mean the same."""

    workers: int

    def start(self) -> None:
        """Begin whatever takes its time, and return at once."""

    def configure(self, config: LoadConfig) -> None:
        """Tell it what the load is."""

    def ready(self, timeout: float) -> None:
        """Wait until everything is prepared."""

    def go(self, epoch: float) -> None:
        """Let the run begin at Unix time `epoch`."""

    def poll(self) -> int | None:
        """None while it runs, 0 once everybody has arrived and was served."""

    def stop(self) -> None:
        """End it, in any case."""


class DistributedLoad:
    """A master and its workers. `guests` more are awaited; `announce` is told how they join."""

    def __init__(
        self,
        run: Path,
        workers: Workers,
        *,
        guests: int = 0,
        announce: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.workers = workers.count
        self._run = run
        self._crew = workers
        self._guests = guests
        self._announce = announce
        self._master: LoadProcess | None = None

    def start(self) -> None:
        """Nothing yet: where the master can be reached is known once the stack is there."""

    def configure(self, config: LoadConfig) -> None:
        """Start everybody, and tell the master what the load is.

        Raises:
            StackError: the master or a worker cannot be started.
        """
        host = self._crew.host()
        options = ["--master", "--expect-workers", str(self.workers + self._guests)]
        options += ["--master-bind-host", host]
        options += ["--master-bind-port", str(_GUESTS_PORT if self._guests else 0)]
        self._master = LoadProcess(self._run, options=options)
        self._master.start()
        port = self._master.port(_LISTENS_WITHIN)
        words = ["--worker", "--master-host", host, "--master-port", str(port)]
        self._crew.start([*locust_words(), *words])
        if self._guests:
            self._announce(
                f"waiting for {self._guests} more workers: locust -f harness/load/locustfile.py "
                f"{' '.join(words)}"
            )
        self._master.configure(config)

    def ready(self, timeout: float) -> None:
        """Wait until every worker has drawn its share.

        Raises:
            UsageError: the journeys module or its parameters are wrong.
            WorkerLostError: a worker ended.
            StackError: the master died, or somebody took too long.
        """
        limit = max(timeout, _GUESTS_WITHIN) if self._guests else timeout
        deadline = monotonic() + limit
        while not self._started().is_ready(_LOOK_EVERY):
            self._look()
            if monotonic() > deadline:
                self._started().ready(0.0)

    def go(self, epoch: float) -> None:
        """As `LoadProcess.go`."""
        self._started().go(epoch)

    def poll(self) -> int | None:
        """As `LoadProcess.poll`.

        Raises:
            WorkerLostError: a worker is gone; with its last words.
            StackError: the master ended early.
        """
        if self._started().finished():
            return 0  # Locust takes its time to end; the record is complete
        self._look()
        try:
            return self._started().poll()
        except WorkerLostError as error:
            raise WorkerLostError("; ".join([str(error), *self._crew.ended()])) from error

    def stop(self) -> None:
        """End master and workers. May be called twice."""
        try:
            if self._master is not None:
                self._master.stop()
        finally:
            self._crew.stop()

    def _look(self) -> None:
        # In this order: workers end after the master has told that all is over, not before.
        ended = self._crew.ended()
        if ended and not self._started().over():
            raise WorkerLostError(f"{'; '.join(ended)}: the load was not what was planned")

    def _started(self) -> LoadProcess:
        if self._master is None:
            raise StackError("the load was not configured; call configure() first")
        return self._master
