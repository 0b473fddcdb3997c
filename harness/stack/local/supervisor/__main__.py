"""Fork into reaper and supervisor; see the package's docstring."""

import os
import sys
from pathlib import Path
from socket import socket

from .. import _process
from .._state import Owned, StateDir
from ._reaper import run_reaper
from ._supervisor import Supervisor


def main(root: str, parent_fd: str, lock_fd: str) -> None:
    """Run the stack in the state directory `root` until it ends.

    Args:
        root: the state directory.
        parent_fd: descriptor of the parent pipe, whose other end the harness has.
        lock_fd: descriptor of the state directory's lock, which the harness has taken.
    """
    parent_pipe = socket(fileno=int(parent_fd))
    for descriptor in (parent_pipe.fileno(), int(lock_fd)):
        os.set_inheritable(descriptor, False)
    state = StateDir(Path(root))
    _process.adopt_orphans()
    _record(state, "reaper")
    reaper = os.getpid()
    child = os.fork()
    if child:
        parent_pipe.close()
        run_reaper(child, state, int(lock_fd))
        return
    _process.die_with_parent(reaper)
    _process.set_name("supervisor")
    _record(state, "supervisor")
    Supervisor(state, parent_pipe).run()
    os._exit(0)  # without returning into the reaper's frames


def _record(state: StateDir, name: str) -> None:
    """Record this process in the state directory as owned by the stack."""
    process = _process.find(os.getpid())
    assert process is not None
    state.own(Owned(name=name, pid=process.pid, start=process.start))


if __name__ == "__main__":
    main(*sys.argv[1:])
