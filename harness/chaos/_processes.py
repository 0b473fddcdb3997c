"""Processes named so that a reused number is not mistaken for them: pid and start time.

Linux keeps a process's start time, in ticks since boot, in `/proc/PID/stat`. Where there is no
`/proc` (macOS) the start time is 0 on both sides, and the pid alone has to do.
"""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process, now and only now."""

    pid: int
    start: int

    @property
    def alive(self) -> bool:
        """Whether it still runs (or is stopped); a zombie does not."""
        return _stat(self.pid) in ((self.start, False), (0, False)) and _exists(self.pid)

    def resume(self) -> bool:
        """Send SIGCONT; False if it has ended. Harmless to a process that runs."""
        if not self.alive:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
            return True
        return False


def process(pid: int) -> Process:
    """The process that has `pid` at this moment."""
    return Process(pid, _stat(pid)[0])


def family(pid: int) -> tuple[Process, ...]:
    """The process `pid` and all its descendants, as far as `/proc` tells."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(path)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return tuple(process(one) for one in found)


def _stat(pid: int) -> tuple[int, bool]:
    """Start time, and whether it is a zombie."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return (int(fields[19]), fields[0] in "ZX") if fields else (0, False)


def _fields(path: Path) -> list[str]:
    """The fields after the name, which may hold anything, even parentheses."""
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
