"""Processes identified by pid and start time, so that a reused pid is not mistaken for them.

Linux reports a process's start time, in ticks since boot, in `/proc/PID/stat`. Without `/proc`
(macOS) the start time is 0 on both sides of a comparison, which then depends on the pid alone.
"""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process, distinct from any later one with the same pid."""

    pid: int
    start: int

    @property
    def is_alive(self) -> bool:
        """True if it runs or is stopped; False for a zombie."""
        return _stat(self.pid) in ((self.start, False), (0, False)) and _exists(self.pid)

    def resume(self) -> bool:
        """Send SIGCONT, which has no effect on a running process; return False if it has ended."""
        if not self.is_alive:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
            return True
        return False


def identify(pid: int) -> Process:
    """Return the process that has `pid` at this moment."""
    return Process(pid, _stat(pid)[0])


def process_tree(pid: int) -> tuple[Process, ...]:
    """Return the process `pid` and all its descendants that `/proc` lists."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(path)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, pending = [], [pid]
    while pending:
        found.append(pending.pop())
        pending += children.get(found[-1], [])
    return tuple(identify(one) for one in found)


def _stat(pid: int) -> tuple[int, bool]:
    """Return the start time, and True if the process is a zombie."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return (int(fields[19]), fields[0] in "ZX") if fields else (0, False)


def _fields(path: Path) -> list[str]:
    """Return the fields after the process's name, which may contain spaces and parentheses."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
