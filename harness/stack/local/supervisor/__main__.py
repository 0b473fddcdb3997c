"""Splits into guardian and supervisor; see the package's docstring."""

import os
import sys
from pathlib import Path
from socket import socket

from .. import _process
from .._state import Owned, StateDir
from ._guardian import guard
from ._supervisor import Supervisor


def main(root: str, leash_fd: str, lock_fd: str) -> None:
    """Be the stack in `root`, on the leash of whoever holds the other end of `leash_fd`.

    `lock_fd` is the lock of the state directory, taken by the starter and kept from here on.
    """
    leash = socket(fileno=int(leash_fd))
    for descriptor in (leash.fileno(), int(lock_fd)):
        os.set_inheritable(descriptor, False)
    state = StateDir(Path(root))
    _process.adopt_orphans()
    _note(state, "guardian")
    guardian = os.getpid()
    child = os.fork()
    if child:
        leash.close()
        guard(child, state, int(lock_fd))
        return
    _process.die_with_parent(guardian)
    _process.set_name("supervisor")
    _note(state, "supervisor")
    Supervisor(state, leash).run()
    os._exit(0)  # not through the guardian's frames


def _note(state: StateDir, name: str) -> None:
    process = _process.find(os.getpid())
    assert process is not None
    state.own(Owned(name=name, pid=process.pid, start=process.start))


if __name__ == "__main__":
    main(*sys.argv[1:])
