"""The state directory of one stack: who it belongs to, what it owns, and how that is cleaned up.

lock          held (flock) by the stack's reaper and supervisor for as long as they live
control.sock  where the supervisor listens
state.json    what another `harness` process needs to take over a detached stack
owned.jsonl   every process (pid and start time) and every path outside that the stack made,
              written before or as it is made: the ownership label that cleaning goes by
volumes/NAME  the services' volumes
logs/NAME.log what they said; the only thing that stays when the stack ends
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from .._log_files import LogFiles
from .._saved_stack import STATE_FILE
from . import _process

_ROUNDS = 20

LABEL = "HARNESS_STATE"
"""The environment variable that every process of a stack is started with."""


class Owned(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of owned.jsonl: a process or a path."""

    name: str
    pid: int = 0
    start: int = 0
    path: str = ""


class StateDir:
    """Paths in a state directory, and what is done to it as a whole."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.state = self.root / STATE_FILE
        self.volumes = self.root / "volumes"
        self.logs = LogFiles(self.root / "logs")
        self._socket = "control.sock"
        self._owned = self.root / "owned.jsonl"
        self._lock = self.root / "lock"

    def own(self, owned: Owned) -> None:
        """Note that the stack owns a process or a path."""
        with self._owned.open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(owned) + b"\n")

    def owned(self) -> list[Owned]:
        """Everything that the stack ever owned; a half-written last line is no line."""
        found = []
        with suppress(OSError):
            for line in self._owned.read_bytes().splitlines():
                with suppress(msgspec.DecodeError):
                    found.append(msgspec.json.decode(line, type=Owned))
        return found

    def lock(self) -> int | None:
        """Take the directory for this process and its forks; None if somebody else has it.

        The kernel lets go of it when the last holder ends, however it ends: unlike a pid in a
        file it cannot be stale.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), self._lock.stat()):
                return descriptor
        except OSError:  # held by somebody else, or removed by its last holder just now
            pass
        os.close(descriptor)
        return None

    def is_used(self) -> bool:
        """Return True if a stack was started here and its lock has not been removed."""
        return self._lock.exists()

    def unlock(self, descriptor: int) -> None:
        """Let go of the directory and leave no lock file in it."""
        self._lock.unlink(missing_ok=True)
        os.close(descriptor)

    @contextmanager
    def socket_address(self) -> Iterator[str]:
        """An address for the control socket that fits into the 108 bytes a unix socket has."""
        plain = str(self.root / self._socket)
        if len(os.fsencode(plain)) < 100:
            yield plain
            return
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}/{self._socket}"
        finally:
            os.close(descriptor)

    def connect(self, timeout: float) -> socket.socket:
        """A connection to the supervisor.

        Raises:
            OSError: nobody listens.
        """
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            with self.socket_address() as address:
                connection.connect(address)
        except OSError:
            connection.close()
            raise
        connection.settimeout(None)
        return connection

    def clean(self) -> list[str]:
        """End every process and remove every path that a dead stack left; what it was.

        Only for whoever holds the lock, or knows that nobody who matters does.
        """
        ended = self._end_processes()
        for owned in self.owned():
            if owned.path and Path(owned.path).exists():
                remove_data(Path(owned.path))
                ended.append(f"{owned.name} ({owned.path})")
        shutil.rmtree(self.volumes, ignore_errors=True)
        for name in (self._socket, self.state.name, self._owned.name):
            (self.root / name).unlink(missing_ok=True)
        return ended

    def _end_processes(self) -> list[str]:
        ended: dict[int, str] = {}
        for _ in range(_ROUNDS):  # a process may have forked between the look and its end
            members = self._processes()
            if not members:
                break
            for process, name in members:
                ended.setdefault(process.pid, name)
                _process.send(process.pid, signal.SIGKILL)
            _process.await_end([process for process, _ in members], limit=5.0)
        return [f"{name} (pid {pid})" for pid, name in ended.items()]

    def _processes(self) -> list[tuple[_process.Process, str]]:
        """The stack's living processes and what they are of, apart from this one.

        Known in two ways: by pid and start time as noted, with their families, and by the label
        that they were born with.
        """
        noted = [owned for owned in self.owned() if owned.pid]
        now = {process.pid: process for process in _process.table() if process.alive}
        names = {
            owned.pid: owned.name
            for owned in noted
            if owned.pid in now and now[owned.pid].start == owned.start
        }
        for owned in noted:
            # A number is not given out again while a session or group bears it: where its first
            # bearer is gone, who is in them is ours.
            if owned.pid in names or owned.pid not in now:
                for member in _process.process_tree([owned.pid]):
                    names.setdefault(member.pid, f"child of {owned.name}")
        for process in _process.labelled(LABEL, str(self.root)):
            names.setdefault(process.pid, "unnamed")
        names.pop(os.getpid(), None)
        return [(now[pid], name) for pid, name in names.items() if pid in now]


def remove_data(path: Path) -> None:
    """Remove a PostgreSQL data directory and the shared memory that a killed server left."""
    with suppress(OSError, IndexError, ValueError):
        # Line 7 of postmaster.pid: key and id of its System V segment.
        identifier = (path / "postmaster.pid").read_text().splitlines()[6].split()[1]
        ctypes.CDLL(None).shmctl(int(identifier), 0, None)  # 0: IPC_RMID
    shutil.rmtree(path, ignore_errors=True)
