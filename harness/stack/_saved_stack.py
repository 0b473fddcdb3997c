"""The state directory of a stack, and DIR/state.json, from which another process attaches to it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.errors import StackError

STATE_FILE = "state.json"

_OWNER_ONLY = 0o700

T = TypeVar("T")


def make_state_dir(path: Path) -> None:
    """Create the state directory `path` and let only its owner enter it, whatever the umask.

    The environment of the services, with their passwords, is kept in it.

    Raises:
        OSError: it cannot be created, or it belongs to another user.
    """
    path.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:  # it was there already, such as the folder of a run
        path.chmod(_OWNER_ONLY)


def load_stack(state_dir: Path, load: Callable[[bytes], T]) -> T:
    """Call `load` with the content of the state file in `state_dir`; return its result.

    `load` may also read and connect to whatever else a running stack has. Every `OSError` and
    `ValueError` in it means that no stack runs there.

    Raises:
        StackError: no stack runs in `state_dir`.
    """
    try:
        return load((state_dir / STATE_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise no_stack(state_dir) from error


def no_stack(state_dir: Path) -> StackError:
    """Return the error for a `state_dir` in which no stack runs."""
    return StackError(f"{state_dir}: no stack runs here; start one: harness up")


def already_running(state_dir: Path) -> StackError:
    """Return the error for starting a stack in a `state_dir` in which one already runs."""
    return StackError(f"{state_dir}: a stack is already running here; stop it: harness down")
