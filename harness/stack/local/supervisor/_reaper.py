"""Outlives the supervisor by a moment and leaves nothing: no process, socket, volume or memory.

It does nothing else, so nothing else can bring it down; and it is small, because it was forked
before anything heavy was imported. Should it be killed itself, the kernel takes the supervisor
and the services along, and `sweep` finds the rest.
"""

import os
import signal
from contextlib import suppress

from .. import _process
from .._state import StateDir


def run_reaper(supervisor: int, state: StateDir, lock: int) -> None:
    """Await the end of `supervisor` and clean up after it; the `lock` goes last."""
    _process.set_name("reaper")
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _process.send(supervisor, signal.SIGTERM))
    while True:
        try:
            pid, _ = os.wait()  # orphans of commands end here as well
        except ChildProcessError:
            break
        if pid == supervisor:
            _end_orphans()
    state.clean()
    state.unlock(lock)


def _end_orphans() -> None:
    """Each kill may hand over orphans of its own, until there are none."""
    mine = os.getpid()
    while children := [p for p in _process.table() if p.parent == mine and p.alive]:
        for child in children:
            _process.kill_tree(child.pid)
        for child in children:
            with suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
