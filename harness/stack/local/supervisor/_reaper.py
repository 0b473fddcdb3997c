"""The reaper cleans up after the supervisor: processes, socket, volumes and shared memory.

It does nothing else, so a bug elsewhere cannot stop it, and it is small, because it is forked
before large modules are imported. If it is killed itself, the kernel kills the supervisor and the
services, and `sweep` removes the rest.
"""

import os
import signal
from contextlib import suppress

from .. import _process
from .._state import StateDir


def run_reaper(supervisor: int, state: StateDir, lock: int) -> None:
    """Wait until the process `supervisor` has ended, clean up, and release `lock` last."""
    _process.set_name("reaper")
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _process.send(supervisor, signal.SIGTERM))
    while True:
        try:
            pid, _ = os.wait()  # also reaps the orphans of commands
        except ChildProcessError:
            break
        if pid == supervisor:
            _kill_orphans()
    state.clean()
    state.unlock(lock)


def _kill_orphans() -> None:
    """Kill all children; repeat, because the children of each become orphans of this process."""
    reaper = os.getpid()
    while children := [p for p in _process.list_processes() if p.parent == reaper and p.is_running]:
        for child in children:
            _process.kill_tree(child.pid)
        for child in children:
            with suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
