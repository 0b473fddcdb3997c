"""What other `harness` processes do with a state directory: lock it, clean it, read its logs."""

import time
from pathlib import Path

from harness.errors import StackError

from .._saved_stack import already_running
from ._client import Client
from ._messages import ListProcesses
from ._state import StateDir

_LOCK_TIMEOUT = 5.0
"""Wall-clock seconds that a stack may take to clean up after its harness has died."""


def sweep(state_dir: Path) -> list[str]:
    """Kill and remove whatever a crashed stack left in `state_dir`; return one line for each thing.

    A stack whose supervisor answers is not touched.
    """
    state = StateDir(state_dir)
    if not state.root.is_dir():
        return []
    try:
        lock = take_lock(state)
    except StackError:
        return []
    ended = state.clean()
    if lock is None:  # the processes that held it have just been killed
        lock = state.lock()
    if lock is not None:
        state.unlock(lock)
    return ended


def service_logs(state_dir: Path) -> dict[str, Path]:
    """Return service -> log file in `state_dir`; Toxiproxy and the supervisor have one, too."""
    return StateDir(state_dir).logs.found()


def take_lock(state: StateDir) -> int | None:
    """Lock `state` and return the descriptor; wait for a stack that is just ending.

    Returns:
        None if a process holds the lock, but no supervisor answers.

    Raises:
        StackError: a stack runs there, and its supervisor answers.
    """
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while (lock := state.lock()) is None:
        if _answers(state):
            raise already_running(state.root)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)  # flock has no timeout
    return lock


def _answers(state: StateDir) -> bool:
    """Return True if a supervisor in `state` answers."""
    try:
        client = Client(state.connect(1.0), lambda _: None, lambda: None)
    except OSError:
        return False
    try:
        client.call(ListProcesses(), timeout=2.0)
    except StackError:
        return False
    finally:
        client.close()
    return True
