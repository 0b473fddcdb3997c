"""Processes from /proc: find the process tree of a service, check identity, send signals.

A pid alone does not identify a process, because the kernel reuses it; pid and start time do. The
process tree of a service is its main process, every process in that one's session or group, and
every descendant: PostgreSQL's backends leave their parent's session, a shell's children do not.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 15, 36


@dataclass(frozen=True)
class Process:
    """One process, from /proc/PID/stat."""

    pid: int
    parent: int
    group: int
    session: int
    state: str
    """As in ps: R, S, D, T (stopped), Z (zombie)."""
    start: int
    """Clock ticks from boot to its start."""

    @property
    def is_running(self) -> bool:
        """True unless it is dead or a zombie."""
        return self.state not in "ZX"


def is_supported() -> bool:
    """Return True if this machine has what the local backend needs: Linux with /proc."""
    return sys.platform == "linux" and (_PROC / "self" / "stat").exists()


def find(pid: int) -> Process | None:
    """Return the process `pid`; None if there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may contain anything
    return Process(
        pid=pid,
        state=fields[0],
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        start=int(fields[19]),
    )


def is_alive(pid: int, start: int) -> bool:
    """Return True if the process with this pid and start time still runs."""
    process = find(pid)
    return process is not None and process.start == start and process.is_running


def list_processes() -> list[Process]:
    """Return every process of this machine."""
    pids = (int(name) for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208 - only names
    return [process for pid in pids if (process := find(pid)) is not None]


def process_tree(roots: Iterable[int]) -> list[Process]:
    """Return the running processes of `roots`, their sessions and groups, and all descendants."""
    members = set(roots)
    processes = list_processes()
    found: dict[int, Process] = {}
    grew = True
    while grew:
        grew = False
        for process in processes:
            if process.pid not in found and (
                process.pid in members or members & {process.parent, process.group, process.session}
            ):
                found[process.pid] = process
                members.add(process.pid)
                grew = True
    return [process for process in found.values() if process.is_running]


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; no-op if the process has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def freeze_tree(root: int) -> list[Process]:
    """Send SIGSTOP to `root` and its process tree; return them.

    It repeats until it finds no new process: one may be forked between the listing and the signal.
    """
    stopped: dict[int, Process] = {}
    send(root, signal.SIGSTOP)
    while fresh := [process for process in process_tree([root]) if process.pid not in stopped]:
        for process in fresh:
            send(process.pid, signal.SIGSTOP)
            stopped[process.pid] = process
    return list(stopped.values())


def kill_tree(root: int) -> list[Process]:
    """Kill `root` and its process tree; stop them first, so that none escapes by forking."""
    members = freeze_tree(root)
    for process in members:
        send(process.pid, signal.SIGKILL)
    return members


def wait_ended(processes: Iterable[Process], timeout: float) -> list[Process]:
    """Wait until `processes` have ended, for `timeout` wall-clock seconds; return the rest."""
    deadline = time.monotonic() + timeout
    left = list(processes)
    while left := [process for process in left if is_alive(process.pid, process.start)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.002)  # waitpid works for children only
    return left


def labelled(variable: str, value: str) -> list[Process]:
    """Return the running processes that were started with `variable=value` in their environment."""
    wanted = f"{variable}={value}".encode()
    found = []
    for process in list_processes():
        with suppress(OSError):
            environment = (_PROC / str(process.pid) / "environ").read_bytes()
            if process.is_running and wanted in environment.split(b"\0"):
                found.append(process)
    return found


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when `parent` ends; call it after any change of user."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def adopt_orphans() -> None:
    """Become the subreaper: the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_name(name: str) -> None:
    """Set the name of this process in `ps -e` and `top`, at most 15 bytes of it."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))


def _prctl(option: int, argument: int | ctypes.c_char_p) -> None:
    ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)
