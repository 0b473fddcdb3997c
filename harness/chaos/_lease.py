"""The harness's sign of life, which keeps its faults in force.

The lease is one small file that the harness rewrites in place (which a full disk does not
prevent) every half second. The watchdog compares what it reads with what it read before, so that
no two clocks need to agree and a machine that sleeps does not end a lease. A lease that lapsed
is not taken up again: the watchdog has healed, and says so with a second file.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from ._errors import ChaosError
from ._processes import Process, process

_EVERY = 0.5
"""Real seconds between renewals."""

PATIENCE = 10.0
"""Real seconds without a renewal after which the harness counts as hung."""

WATCHDOG_LOG = "watchdog.log"

_FILE = "lease"
_LAPSED = "lease.lapsed"


class Lease:
    """Held from `start` to `release` by this process, for the faults in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._lapsed = directory / _LAPSED
        self._stop = Event()
        self._thread = Thread(target=self._renew, name="lease", daemon=True)
        self._holder = process(os.getpid())
        self._file = -1

    def start(self) -> None:
        """Take the lease and keep renewing it.

        Raises:
            ChaosError: another run holds it, or it cannot be written.
        """
        held = read_lease(self._path.parent)
        if held is not None and held.holder.alive:
            raise ChaosError(
                f"{self._path.parent}: process {held.holder.pid} holds faults from here already; "
                f"await its end or use another folder"
            )
        self._lapsed.unlink(missing_ok=True)
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
            self._write(0)
        except OSError as error:
            raise ChaosError(f"{self._path}: cannot be written: {error.strerror}") from error
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether the watchdog has taken this process for hung and healed its faults."""
        return self._lapsed.exists()

    def release(self) -> None:
        """Give the lease back; the watchdog ends."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._path.unlink(missing_ok=True)

    def _renew(self) -> None:
        beat = 0
        while not self._stop.wait(_EVERY):
            beat += 1
            self._write(beat)

    def _write(self, beat: int) -> None:
        holder = self._holder
        os.pwrite(self._file, f"{holder.pid:>12} {holder.start:>20} {beat:>20}\n".encode(), 0)


@dataclass(frozen=True)
class Sign:
    """What a lease file says: whose it is, and how often it was renewed."""

    holder: Process
    beat: int


def read_lease(directory: Path) -> Sign | None:
    """The lease in `directory`; None if it was given back."""
    try:
        pid, start, beat = (directory / _FILE).read_text(encoding="ascii").split()
        return Sign(Process(int(pid), int(start)), int(beat))
    except (OSError, ValueError):
        return None


def declare_lapsed(directory: Path) -> None:
    """Tell the holder, should it come back, that its lease is lost."""
    (directory / _LAPSED).touch()


def start_watchdog(directory: Path, patience: float = PATIENCE) -> "subprocess.Popen[bytes]":
    """A process of its own that heals what is in `directory` if this one no longer can.

    It is in a session of its own, where Ctrl-C and the end of a terminal do not reach it.
    """
    command = [sys.executable, "-m", "harness.chaos.watchdog", str(directory.resolve())]
    with (directory / WATCHDOG_LOG).open("ab") as log:
        return subprocess.Popen(
            [*command, "--patience", str(patience)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
