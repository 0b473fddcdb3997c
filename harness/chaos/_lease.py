"""The lease on a run's faults, which the harness renews with a heartbeat.

The lease is one small file that the harness rewrites in place every half second; a full disk does
not prevent that. The watchdog compares each content with the one before, so that no two clocks
have to agree, and a machine that was suspended does not end a lease. A lease that has lapsed is
not renewed again: the watchdog has healed the faults, and a second file says so.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from harness.clock import WALL_CLOCK, Clock

from ._errors import ChaosError
from ._processes import Process, identify

_HEARTBEAT = 0.5
"""Seconds of the run's clock between renewals."""

LEASE_TIMEOUT = 10.0
"""Wall-clock seconds without a heartbeat after which the watchdog takes the harness for hung."""

WATCHDOG_LOG = "watchdog.log"

_FILE_NAME = "lease"
_LAPSED_FILE_NAME = "lease.lapsed"


class Lease:
    """The lease of this process on the faults in `directory`, from `start` to `release`."""

    def __init__(self, directory: Path, clock: Clock = WALL_CLOCK) -> None:
        self._path = directory / _FILE_NAME
        self._lapsed_path = directory / _LAPSED_FILE_NAME
        self._clock = clock
        self._stop = Event()
        self._thread = Thread(target=self._renew, name="lease", daemon=True)
        self._owner = identify(os.getpid())
        self._file = -1

    def start(self) -> None:
        """Take the lease and keep renewing it in a thread.

        Raises:
            ChaosError: another process has it, or the file cannot be written.
        """
        current = read_lease(self._path.parent)
        if current is not None and current.owner.is_alive:
            raise ChaosError(
                f"{self._path.parent}: process {current.owner.pid} has active faults in this "
                f"folder; wait for its end or use another folder"
            )
        self._lapsed_path.unlink(missing_ok=True)
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
            self._write(0)
        except OSError as error:
            raise ChaosError(f"{self._path}: cannot be written: {error.strerror}") from error
        self._thread.start()

    @property
    def is_lapsed(self) -> bool:
        """True if the faults were healed from outside, by the watchdog or `harness heal`."""
        return self._lapsed_path.exists()

    def problem(self) -> str:
        """Return why the lease no longer protects the faults; empty if it does."""
        if self.is_lapsed:
            return "the watchdog or `harness heal` has healed it"
        state = read_lease(self._path.parent)
        if state is None:
            return f"the lease {self._path} is gone"
        if state.owner != self._owner:
            return f"process {state.owner.pid} has taken the lease {self._path}"
        return ""

    def release(self) -> None:
        """Give up the lease, which ends the watchdog."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._path.unlink(missing_ok=True)

    def _renew(self) -> None:
        heartbeat = 0
        while not self._clock.wait(self._stop, _HEARTBEAT):
            heartbeat += 1
            self._write(heartbeat)

    def _write(self, heartbeat: int) -> None:
        line = f"{self._owner.pid:>12} {self._owner.start:>20} {heartbeat:>20}\n"
        os.pwrite(self._file, line.encode(), 0)


@dataclass(frozen=True)
class LeaseState:
    """Content of a lease file: its owner, and how often it has been renewed."""

    owner: Process
    heartbeat: int


def read_lease(directory: Path) -> LeaseState | None:
    """Return the state of the lease in `directory`; None if it was released."""
    try:
        pid, start, heartbeat = (directory / _FILE_NAME).read_text(encoding="ascii").split()
        return LeaseState(Process(int(pid), int(start)), int(heartbeat))
    except (OSError, ValueError):
        return None


def mark_lapsed(directory: Path) -> None:
    """Record that the lease in `directory` has lapsed, for its owner to see."""
    (directory / _LAPSED_FILE_NAME).touch()


def start_watchdog(directory: Path, timeout: float = LEASE_TIMEOUT) -> "subprocess.Popen[bytes]":
    """Start a process that heals the faults in `directory` if this process no longer can.

    It runs in a session of its own, so that Ctrl-C and the end of a terminal do not reach it.

    Args:
        directory: Folder with the intents and the lease.
        timeout: Wall-clock seconds without a heartbeat after which it heals.
    """
    command = [sys.executable, "-m", "harness.chaos.watchdog", str(directory.resolve())]
    with (directory / WATCHDOG_LOG).open("ab") as log:
        return subprocess.Popen(
            [*command, "--timeout", str(timeout)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
