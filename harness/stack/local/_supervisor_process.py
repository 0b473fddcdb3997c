"""Start and stop the supervisor of a stack, and pass it the lock of the state directory."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

from harness.errors import StackError

from .._log_files import log_limit
from .._saved_stack import make_state_dir
from . import _process
from ._state import LABEL, Owned, StateDir
from ._sweep import sweep, take_lock

_CLEAN_UP_TIMEOUT = 10.0
"""Wall-clock seconds that the reaper may take to clean up once everything has been stopped."""


def lock_state_dir(state: StateDir) -> int:
    """Lock a state directory and remove what an earlier stack left; return the lock's descriptor.

    Raises:
        StackError: a stack runs there, or this machine cannot run one.
        UsageError: see `log_limit`.
    """
    log_limit()  # before the lock is taken
    if not _process.is_supported():
        raise StackError("--on local: needs Linux with /proc; use --on compose")
    try:
        make_state_dir(state.root)
        lock = take_lock(state)
    except OSError as error:
        raise StackError(
            f"{state.root}: cannot be written ({error.strerror}); choose another directory"
        ) from error
    if lock is None:
        raise StackError(f"{state.root}: a stack here does not respond; remove it: harness heal")
    state.clean()
    state.logs.begin()
    return lock


def start_supervisor(state: StateDir, lock: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the reaper, which forks the supervisor; return it and our end of the parent pipe."""
    our_end, child_end = socket.socketpair()
    with child_end, state.logs.path("supervisor").open("wb") as log:
        reaper = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "harness.stack.local.supervisor",
                str(state.root),
                str(child_end.fileno()),
                str(lock),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(child_end.fileno(), lock),
            env=os.environ | {LABEL: str(state.root)},
            # Ctrl-C must reach this process only, which then stops the services in order.
            start_new_session=True,
        )
    return reaper, our_end


def stop_supervisor(state: StateDir, reaper: subprocess.Popen[bytes] | None) -> None:
    """Wait until the reaper of `state` has cleaned up and ended; if it does not, signal it.

    `reaper` is None if another process started it.
    """
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        for owned in _reapers(state):
            if number is not None:
                _process.send(owned.pid, number)
        if reaper is not None:
            with suppress(subprocess.TimeoutExpired):
                reaper.wait(_CLEAN_UP_TIMEOUT)
        if _wait_for_lock(state):
            break
    sweep(state.root)


def _reapers(state: StateDir) -> list[Owned]:
    return [
        owned
        for owned in state.owned()
        if owned.name == "reaper" and _process.is_alive(owned.pid, owned.start)
    ]


def _wait_for_lock(state: StateDir) -> bool:
    """Return True when the lock is free, False after `_CLEAN_UP_TIMEOUT`."""
    deadline = time.monotonic() + _CLEAN_UP_TIMEOUT
    while time.monotonic() < deadline:
        lock = state.lock()
        if lock is not None:
            state.unlock(lock)
            return True
        time.sleep(0.005)  # flock has no timeout
    return False
