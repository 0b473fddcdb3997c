"""Starting a stack's supervisor and seeing it off; the state directory's lock changes hands."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

from harness.errors import StackError

from . import _process
from ._state import LABEL, Owned, StateDir
from ._sweep import sweep, take_lock

_GONE = 10.0
"""Seconds that the reaper may take to clean up once everything has been stopped."""


def lock_state_dir(state: StateDir) -> int:
    """The lock of a state directory that is clean and ready for a new stack.

    Raises:
        StackError: a stack lives there, or this machine cannot run one.
    """
    if not _process.supported():
        raise StackError("the local backend needs Linux and its /proc; run with --on compose")
    try:
        lock = take_lock(state)
    except OSError as error:
        raise StackError(f"{state.root}: cannot be used: {error.strerror}; name another") from error
    if lock is None:
        raise StackError(f"{state.root}: a stack hangs here; harness heal ends it")
    state.clean()
    state.logs.begin()
    return lock


def start_supervisor(state: StateDir, lock: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The reaper, and our end of the supervisor's parent_pipe."""
    ours, theirs = socket.socketpair()
    with theirs, state.logs.path("supervisor").open("wb") as log:
        reaper = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "harness.stack.local.supervisor",
                str(state.root),
                str(theirs.fileno()),
                str(lock),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs.fileno(), lock),
            env=os.environ | {LABEL: str(state.root)},
            start_new_session=True,  # Ctrl-C is for us; we pass it on in good order
        )
    return reaper, ours


def stop_supervisor(state: StateDir, reaper: subprocess.Popen[bytes] | None) -> None:
    """Return when the reaper in `state` is gone, and everything else with it.

    `reaper` is None if another process started it.
    """
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        for owned in _reapers(state):
            if number is not None:
                _process.send(owned.pid, number)
        if reaper is not None:
            with suppress(subprocess.TimeoutExpired):
                reaper.wait(_GONE)
        if _await_lock(state):
            break
    sweep(state.root)


def _reapers(state: StateDir) -> list[Owned]:
    return [
        owned
        for owned in state.owned()
        if owned.name == "reaper" and _process.is_alive(owned.pid, owned.start)
    ]


def _await_lock(state: StateDir) -> bool:
    deadline = time.monotonic() + _GONE
    while time.monotonic() < deadline:
        lock = state.lock()
        if lock is not None:
            state.unlock(lock)
            return True
        time.sleep(0.005)  # a lock of another process has nothing to wait on with a limit
    return False
