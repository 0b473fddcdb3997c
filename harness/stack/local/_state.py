"""The state directory of one stack: its lock, what the stack owns, and how that is cleaned up.

lock          held (flock) by the reaper and the supervisor for as long as they run
control.sock  the unix socket on which the supervisor listens
state.json    what another `harness` process needs to attach to a detached stack; only the owner
              may read it, because it has the services' passwords
owned.jsonl   every process (pid and start time) and every outside path that the stack created,
              written before or when it is created; cleaning up removes these
volumes/NAME  the services' volumes
logs/NAME.log the services' output; it stays when the stack ends
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
"""How often processes are searched for and killed, while new ones appear."""

LABEL = "HARNESS_STATE"
"""The environment variable of every process of a stack; its value is the state directory."""


class Owned(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of owned.jsonl: a process (`pid` and `start`) or a `path`."""

    name: str
    pid: int = 0
    start: int = 0
    """Clock ticks from boot to the start of the process."""
    path: str = ""


class StateDir:
    """The paths in a state directory, and the operations on it as a whole."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.state = self.root / STATE_FILE
        self.volumes = self.root / "volumes"
        self.logs = LogFiles(self.root / "logs")
        self._socket = "control.sock"
        self._owned = self.root / "owned.jsonl"
        self._lock = self.root / "lock"

    def own(self, owned: Owned) -> None:
        """Record that the stack owns a process or a path."""
        with self._owned.open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(owned) + b"\n")

    def owned(self) -> list[Owned]:
        """Return everything that the stack ever owned; a half-written last line is ignored."""
        found = []
        with suppress(OSError):
            for line in self._owned.read_bytes().splitlines():
                with suppress(msgspec.DecodeError):
                    found.append(msgspec.json.decode(line, type=Owned))
        return found

    def lock(self) -> int | None:
        """Lock the directory for this process and its forks; return the lock's descriptor.

        The kernel releases the lock when the last process that has it ends, however it ends.
        Unlike a pid in a file it cannot be stale.

        Returns:
            None if another process holds the lock.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), self._lock.stat()):
                return descriptor
        except OSError:  # held by another process, or just removed by one
            pass
        os.close(descriptor)
        return None

    def is_used(self) -> bool:
        """Return True if a stack was started here and its lock has not been removed."""
        return self._lock.exists() or self._owned.exists()

    def unlock(self, descriptor: int) -> None:
        """Release the lock and remove the lock file."""
        self._lock.unlink(missing_ok=True)
        os.close(descriptor)

    @contextmanager
    def socket_address(self) -> Iterator[str]:
        """Yield an address of the control socket that fits into the 108 bytes of a unix socket."""
        path = str(self.root / self._socket)
        if len(os.fsencode(path)) < 100:
            yield path
            return
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}/{self._socket}"
        finally:
            os.close(descriptor)

    def connect(self, timeout: float) -> socket.socket:
        """Connect to the supervisor; `timeout` is in wall-clock seconds.

        Raises:
            OSError: no supervisor listens.
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
        """Kill every process and remove every path of a stack; return one line for each thing.

        The caller must hold the lock, or know that the processes that hold it do not respond.
        """
        removed = self._kill_processes()
        for owned in self.owned():
            if owned.path and Path(owned.path).exists():
                remove_data(Path(owned.path))
                removed.append(f"{owned.name} ({owned.path})")
        shutil.rmtree(self.volumes, ignore_errors=True)
        for name in (self._socket, self.state.name, self._owned.name):
            (self.root / name).unlink(missing_ok=True)
        return removed

    def _kill_processes(self) -> list[str]:
        killed: dict[int, str] = {}
        for _ in range(_ROUNDS):  # a process may fork after it was listed and before it is killed
            members = self._processes()
            if not members:
                break
            for process, name in members:
                killed.setdefault(process.pid, name)
                _process.send(process.pid, signal.SIGKILL)
            _process.wait_ended([process for process, _ in members], timeout=5.0)
        return [f"{name} (pid {pid})" for pid, name in killed.items()]

    def _processes(self) -> list[tuple[_process.Process, str]]:
        """Return the running processes of the stack, except this one, each with a name.

        They are found in two ways: by recorded pid and start time, with the tree of each, and by
        the label in the environment with which they were started.
        """
        recorded = [owned for owned in self.owned() if owned.pid]
        now = {process.pid: process for process in _process.list_processes() if process.is_running}
        names = {
            owned.pid: owned.name
            for owned in recorded
            if owned.pid in now and now[owned.pid].start == owned.start
        }
        for owned in recorded:
            # The kernel does not reuse a pid while a session or group has it. If the recorded
            # process has ended, the members of its session and group belong to the stack.
            if owned.pid in names or owned.pid not in now:
                for member in _process.process_tree([owned.pid]):
                    names.setdefault(member.pid, f"child of {owned.name}")
        for process in _process.labelled(LABEL, str(self.root)):
            names.setdefault(process.pid, "unnamed")
        names.pop(os.getpid(), None)
        return [(now[pid], name) for pid, name in names.items() if pid in now]


def remove_data(path: Path) -> None:
    """Remove a PostgreSQL data directory, and the shared memory that a killed server left."""
    with suppress(OSError, IndexError, ValueError):
        # Line 7 of postmaster.pid has the key and the id of its System V segment.
        identifier = (path / "postmaster.pid").read_text().splitlines()[6].split()[1]
        ctypes.CDLL(None).shmctl(int(identifier), 0, None)  # 0 is IPC_RMID
    shutil.rmtree(path, ignore_errors=True)
