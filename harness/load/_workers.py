"""Workers of a distributed load: what the load needs of them, and those beside the harness."""

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
    """Where workers run. The stack in containers has them there, too (`harness.stack.compose`)."""

    count: int

    def host(self) -> str:
        """The address of this machine at which they reach a master; asked once the stack is up.

        Raises:
            StackError: there is none.
        """

    def start(self, words: Sequence[str]) -> None:
        """Start them all, each a Python that is told `words`; paths in them are this machine's.

        Raises:
            StackError: one could not be started.
        """

    def ended(self) -> list[str]:
        """Those that have ended: each with its name, how, and its last words."""

    def stop(self) -> None:
        """End them, in any case. May be called twice."""


class LocalWorkers:
    """Processes of this machine, for a stack on loopback. Their logs are in the run's folder."""

    def __init__(self, run: Path, count: int) -> None:
        self.count = count
        self._run = run.resolve()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def host(self) -> str:
        """Loopback."""
        return "127.0.0.1"

    def start(self, words: Sequence[str]) -> None:
        """As `Workers` has it."""
        for name in (f"load-worker-{number}" for number in range(self.count)):
            environment = locust_environment(**{WORKER: name})
            environment.pop(REPORTS, None)
            try:
                with self._log(name).open("ab") as log:
                    self._processes[name] = subprocess.Popen(
                        [sys.executable, *words],
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
        lines = self._log(name).read_text(errors="replace").splitlines()[-5:]
        said = " | ".join(line.strip() for line in lines if line.strip())
        return f"{said or 'it said nothing'} ({self._log(name)})"

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
