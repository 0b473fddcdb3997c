"""Processes as /proc shows them: who descends from whom, who is still the one that was started.

A pid alone is no identity, because the kernel gives it out again; pid and start time are. What
belongs to a service is its main process, everything in that one's session or group, and every
descendant: PostgreSQL's backends leave their parent's session, a shell's children do not.
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
    """One line of the process table."""

    pid: int
    parent: int
    group: int
    session: int
    state: str
    """As in ps: R, S, D, T (stopped), Z (dead, not yet awaited)."""
    start: int
    """Clock ticks from boot to its start."""

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return self.state not in "ZX"


def supported() -> bool:
    """Whether this machine offers what the local backend needs."""
    return sys.platform == "linux" and (_PROC / "self" / "stat").exists()


def find(pid: int) -> Process | None:
    """The process `pid`; None if there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return Process(
        pid=pid,
        state=fields[0],
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        start=int(fields[19]),
    )


def is_alive(pid: int, start: int) -> bool:
    """Whether the very process that had `pid` and `start` still runs."""
    process = find(pid)
    return process is not None and process.start == start and process.alive


def table() -> list[Process]:
    """Every process there is."""
    pids = (int(name) for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208 - only names
    return [process for pid in pids if (process := find(pid)) is not None]


def process_tree(roots: Iterable[int]) -> list[Process]:
    """The processes `roots`, what is in their sessions and groups, and all their descendants."""
    members = set(roots)
    processes = table()
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
    return [process for process in found.values() if process.alive]


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone by now does not mind."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def freeze_tree(root: int) -> list[Process]:
    """Stop `root` and its family, newcomers included, and return them."""
    stopped: dict[int, Process] = {}
    send(root, signal.SIGSTOP)
    while fresh := [process for process in process_tree([root]) if process.pid not in stopped]:
        for process in fresh:  # a child may be born between the look and the signal: look again
            send(process.pid, signal.SIGSTOP)
            stopped[process.pid] = process
    return list(stopped.values())


def kill_tree(root: int) -> list[Process]:
    """End `root` and its family at once. Frozen first, so that nobody escapes by forking."""
    members = freeze_tree(root)
    for process in members:
        send(process.pid, signal.SIGKILL)
    return members


def await_end(processes: Iterable[Process], limit: float) -> list[Process]:
    """Wait until `processes` are gone, at most `limit` seconds; those that are not."""
    deadline = time.monotonic() + limit
    left = list(processes)
    while left := [process for process in left if is_alive(process.pid, process.start)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.002)  # the end of a process that is no child cannot be awaited otherwise
    return left


def labelled(variable: str, value: str) -> list[Process]:
    """The living processes whose first environment had `variable=value`."""
    wanted = f"{variable}={value}".encode()
    found = []
    for process in table():
        with suppress(OSError):
            environment = (_PROC / str(process.pid) / "environ").read_bytes()
            if process.alive and wanted in environment.split(b"\0"):
                found.append(process)
    return found


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends; must come after any change of user."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_name(name: str) -> None:
    """What `ps -e` and `top` call this process."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))


def _prctl(option: int, argument: int | ctypes.c_char_p) -> None:
    ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)
