"""Workers of a distributed load: what the load needs of them, and those beside the harness."""

import subprocess
from pathlib import Path
from typing import Protocol

from harness.errors import StackError

from ._config import REPORTS, WORKER
from ._process import locust_environment, locust_words

_STOP_GRACE = 5.0


class Workers(Protocol):
    """Where workers run. The stack in containers has them there, too (`harness.stack.compose`)."""

    count: int

    def host(self) -> str:
        """The address of this machine at which they reach a master; asked once the stack is up.

        Raises:
            StackError: there is none.
        """

    def start(self, host: str, port: int) -> None:
        """Start them all, with a master that listens there.

        Raises:
            StackError: one could not be started.
        """

    def ended(self) -> list[str]:
        """Those that have ended: each with its name, how, and its last words."""

    def stop(self) -> None:
        """End them, in any case. May be called twice."""


def worker_names(count: int) -> list[str]:
    """What workers are called; in this order they get their shares."""
    return [f"load-worker-{number}" for number in range(count)]


def worker_words(host: str, port: int) -> list[str]:
    """Locust's options for a worker of the master that listens there."""
    return ["--worker", "--master-host", host, "--master-port", str(port)]


class LocalWorkers:
    """Processes of this machine, for a stack on loopback. Their logs are in the run's folder."""

    def __init__(self, run: Path, count: int) -> None:
        self.count = count
        self._run = run.resolve()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def host(self) -> str:
        """Loopback."""
        return "127.0.0.1"

    def start(self, host: str, port: int) -> None:
        """As `Workers` has it."""
        for name in worker_names(self.count):
            environment = locust_environment(**{WORKER: name})
            environment.pop(REPORTS, None)
            try:
                with self._log(name).open("ab") as log:
                    self._processes[name] = subprocess.Popen(
                        [*locust_words(), *worker_words(host, port)],
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
        """As `Workers` has it."""
        return [
            f"{name} ended (exit code {process.returncode}): {self._last_words(name)}"
            for name, process in self._processes.items()
            if process.poll() is not None
        ]

    def _last_words(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()
        return last_lines(lines, str(self._log(name)))

    def stop(self) -> None:
        """They end when their master does; who has not is ended."""
        for process in self._processes.values():
            try:
                process.wait(_STOP_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log(self, name: str) -> Path:
        return self._run / f"{name}.log"


def last_lines(lines: list[str], place: str) -> str:
    """The last few of `lines` on one line, and where the others are."""
    said = " | ".join(line.strip() for line in lines[-5:] if line.strip())
    return f"{said or 'it said nothing'} ({place})"
