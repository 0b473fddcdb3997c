"""What other `harness` processes do with a state directory: clean it, read its logs."""

import time
from pathlib import Path

from harness.errors import StackError

from ._client import Client
from ._messages import ListProcesses
from ._state import StateDir

_DYING = 5.0
"""Seconds that a stack whose harness just died may take to clean up after itself."""


def sweep(state_dir: Path) -> list[str]:
    """End and remove whatever a crashed stack left in `state_dir`; what that was, if anything.

    A stack that lives and answers is left alone.
    """
    state = StateDir(state_dir)
    if not state.root.is_dir():
        return []
    try:
        lock = take_lock(state)
    except StackError:
        return []
    ended = state.clean()
    if lock is None:  # its holders have just been ended
        lock = state.lock()
    if lock is not None:
        state.unlock(lock)
    return ended


def service_logs(state_dir: Path) -> dict[str, Path]:
    """The logs in `state_dir`, by service, the Toxiproxy and the supervisor among them."""
    return StateDir(state_dir).logs.found()


def take_lock(state: StateDir) -> int | None:
    """The lock of `state`, waiting for a dying stack; None if one hangs there.

    Raises:
        StackError: a stack lives there and answers.
    """
    deadline = time.monotonic() + _DYING
    while (lock := state.lock()) is None:
        if _answers(state):
            raise StackError(
                f"{state.root}: a stack is running here already; harness down stops it"
            )
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)  # a lock of another process has nothing to wait on with a limit
    return lock


def _answers(state: StateDir) -> bool:
    """Whether a supervisor lives in `state`."""
    try:
        client = Client(state.connect(1.0), lambda _: None, lambda: None)
    except OSError:
        return False
    try:
        client.call(ListProcesses(), patience=2.0)
    except StackError:
        return False
    finally:
        client.close()
    return True
