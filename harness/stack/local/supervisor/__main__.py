"""Splits into reaper and supervisor; see the package's docstring."""

import os
import sys
from pathlib import Path
from socket import socket

from .. import _process
from .._state import Owned, StateDir
from ._reaper import run_reaper
from ._supervisor import Supervisor


def main(root: str, parent_fd: str, lock_fd: str) -> None:
    """Be the stack in `root`, on the parent_pipe of whoever holds the other end of `parent_fd`.

    `lock_fd` is the lock of the state directory, taken by the starter and kept from here on.
    """
    parent_pipe = socket(fileno=int(parent_fd))
    for descriptor in (parent_pipe.fileno(), int(lock_fd)):
        os.set_inheritable(descriptor, False)
    state = StateDir(Path(root))
    _process.adopt_orphans()
    _note(state, "reaper")
    reaper = os.getpid()
    child = os.fork()
    if child:
        parent_pipe.close()
        run_reaper(child, state, int(lock_fd))
        return
    _process.die_with_parent(reaper)
    _process.set_name("supervisor")
    _note(state, "supervisor")
    Supervisor(state, parent_pipe).run()
    os._exit(0)  # not through the reaper's frames


def _note(state: StateDir, name: str) -> None:
    process = _process.find(os.getpid())
    assert process is not None
    state.own(Owned(name=name, pid=process.pid, start=process.start))


if __name__ == "__main__":
    main(*sys.argv[1:])
