"""Workers of a distributed load: the protocol, and workers that are processes of this machine."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from harness.errors import StackError

from ._config import REPORTS, WORKER
from ._process import locust_environment

_STOP_GRACE = 5.0


class Workers(Protocol):
    """A group of load workers; each backend makes its own kind (`Backend.make_workers`)."""

    count: int
    """How many workers there are."""

    def host(self) -> str:
        """Return the address of this machine at which workers reach a master.

        The stack must be running.

        Raises:
            StackError: there is no such address.
        """

    def start(self, arguments: Sequence[str]) -> None:
        """Start every worker: a Python interpreter with `arguments`.

        Paths in `arguments` are paths of this machine.

        Raises:
            StackError: a worker cannot be started.
        """

    def ended(self) -> list[str]:
        """Return a line for each worker that has ended: name, exit code, last lines of its log."""

    def stop(self) -> None:
        """Stop every worker. May be called twice."""


class LocalWorkers:
    """Workers as processes of this machine, for services on loopback; they log into `run`."""

    def __init__(self, run: Path, count: int) -> None:
        self.count = count
        self._run = run.resolve()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def host(self) -> str:
        """Return the address of loopback."""
        return "127.0.0.1"

    def start(self, arguments: Sequence[str]) -> None:
        """Start every worker as a process in a session of its own."""
        for name in (f"load-worker-{number}" for number in range(self.count)):
            environment = locust_environment(**{WORKER: name})
            environment.pop(REPORTS, None)
            try:
                with self._log(name).open("ab") as log:
                    self._processes[name] = subprocess.Popen(
                        [sys.executable, *arguments],
                        cwd=self._run,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
            except OSError as error:
                raise StackError(f"{name}: cannot be started: {error}") from error

    def ended(self) -> list[str]:
        """Return a line for each process that has exited."""
        return [
            f"{name} ended (exit code {process.returncode}): {self._log_tail(name)}"
            for name, process in self._processes.items()
            if process.poll() is not None
        ]

    def _log_tail(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()[-5:]
        text = " | ".join(line.strip() for line in lines if line.strip())
        return f"{text or 'its log is empty'} ({self._log(name)})"

    def stop(self) -> None:
        """Wait for every worker, since it ends when its master ends; then kill what is left."""
        for process in self._processes.values():
            try:
                process.wait(_STOP_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log(self, name: str) -> Path:
        return self._run / f"{name}.log"
