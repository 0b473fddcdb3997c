"""The load of a run shared among workers, with the interface of a `LoadProcess`.

The process that the run controls is Locust's master, which sends no load itself. Workers run where
`Workers` starts them, and remote workers on other hosts may join. The master writes each part of
the history, from what the worker sends it.
"""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Protocol

from harness.errors import StackError, WorkerLostError

from ._config import LoadConfig
from ._process import LoadProcess, locust_arguments
from ._workers import Workers

_LISTEN_TIMEOUT = 30.0
_REMOTE_TIMEOUT = 120.0
"""Wall-clock seconds: remote workers are started by hand."""

_POLL_INTERVAL = 0.25
_REMOTE_PORT = 5557
"""Locust's default port: firewalls and tunnels of remote workers must know it beforehand."""


class RunLoad(Protocol):
    """The load of a run: a `LoadProcess` or a `DistributedLoad`."""

    workers: int
    """How many workers share the load; 0: a single process sends everything."""

    def start(self) -> None:
        """Start what takes long, and return at once."""

    def configure(self, config: LoadConfig) -> None:
        """Send the configuration."""

    def ready(self, timeout: float) -> None:
        """Wait until journeys are imported and arrivals drawn; at most `timeout` seconds."""

    def go(self, epoch: float) -> None:
        """Start the run at Unix time `epoch`."""

    def poll(self) -> int | None:
        """Return None while the load runs, 0 when the last journey has ended."""

    def stop(self) -> None:
        """Stop the load, whatever its state. May be called twice."""


class DistributedLoad:
    """A master and its workers.

    Args:
        run: the folder of the run.
        workers: the workers that the harness starts.
        remote_workers: how many more workers on other hosts are waited for.
        announce: called with the command that starts a remote worker.
    """

    def __init__(
        self,
        run: Path,
        workers: Workers,
        *,
        remote_workers: int = 0,
        announce: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.workers = workers.count
        self._run = run
        self._worker_pool = workers
        self._remote = remote_workers
        self._announce = announce
        self._master: LoadProcess | None = None

    def start(self) -> None:
        """Do nothing: the address of the master is only known when the stack runs."""

    def configure(self, config: LoadConfig) -> None:
        """Start master and workers, and send the configuration.

        Raises:
            StackError: the master or a worker cannot be started.
        """
        host = self._worker_pool.host()
        options = ["--master", "--expect-workers", str(self.workers + self._remote)]
        options += ["--master-bind-host", host]
        options += ["--master-bind-port", str(_REMOTE_PORT if self._remote else 0)]
        self._master = LoadProcess(self._run, options=options)
        self._master.start()
        port = self._master.port(_LISTEN_TIMEOUT)
        arguments = ["--worker", "--master-host", host, "--master-port", str(port)]
        self._worker_pool.start([*locust_arguments(), *arguments])
        if self._remote:
            self._announce(
                f"waiting for {self._remote} remote workers: locust -f harness/load/locustfile.py "
                f"{' '.join(arguments)}"
            )
        self._master.configure(config)

    def ready(self, timeout: float) -> None:
        """Wait until every worker has drawn its arrivals; longer if remote workers have to join.

        Raises:
            UsageError: the journeys module or its parameters are wrong.
            WorkerLostError: a worker ended.
            StackError: the master died, or a worker took too long.
        """
        limit = max(timeout, _REMOTE_TIMEOUT) if self._remote else timeout
        deadline = monotonic() + limit
        while not self._started().is_ready(_POLL_INTERVAL):
            self._check_workers()
            if monotonic() > deadline:
                self._started().ready(0.0)

    def go(self, epoch: float) -> None:
        """Start the run at Unix time `epoch`; the master passes it on."""
        self._started().go(epoch)

    def poll(self) -> int | None:
        """Return None while the load runs, 0 when the last journey has ended.

        Raises:
            WorkerLostError: a worker has disappeared; with the last lines of its log.
            StackError: the master ended early.
        """
        if self._started().finished():
            return 0  # Locust takes a moment to exit, but the record is complete
        self._check_workers()
        try:
            return self._started().poll()
        except WorkerLostError as error:
            raise WorkerLostError("; ".join([str(error), *self._worker_pool.ended()])) from error

    def stop(self) -> None:
        """Stop master and workers."""
        try:
            if self._master is not None:
                self._master.stop()
        finally:
            self._worker_pool.stop()

    def _check_workers(self) -> None:
        # In this order, because workers end after the master has reported the end.
        ended = self._worker_pool.ended()
        if ended and not self._started().over():
            raise WorkerLostError(f"{'; '.join(ended)}: so part of the load was not sent")

    def _started(self) -> LoadProcess:
        if self._master is None:
            raise StackError("the load was not configured; call configure() first")
        return self._master
