"""Stacks that outlive their starter: `harness up`, `status`, `logs`, `down`.

The state of the stack that is described in DIR is kept in DIR/.harness/stack.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from harness.errors import StackError

from ._backend import Backend
from ._backends import get_backend, owners
from ._compose_file import read_stack
from ._protocol import Detachable, Settings
from ._sweep import sweep


def detached_state(directory: Path) -> Path:
    """Return where the state of the detached stack of `directory` is kept."""
    return directory / ".harness" / "stack"


def start_detached(directory: Path, settings: Settings, backend: Backend) -> Detachable:
    """Start the stack of `directory` on `backend`, leave it running, and return it.

    Raises:
        UsageError: its file is wrong.
        StackError: it does not start, or runs already, on whichever backend.
    """
    spec, state = read_stack(directory, os.environ), detached_state(directory)
    stack = backend.make_stack(spec, state)
    for other in owners(state):
        if other.name != backend.name:
            _remove_dead(other, state)
    stack.start(settings, lines=lambda *_: None, nodes=lambda _: None)
    stack.detach()
    return attach(directory)


def _remove_dead(backend: Backend, state: Path) -> None:
    """Make room in `state`, where a stack of `backend` was: one directory holds one stack.

    Raises:
        StackError: that stack still runs.
    """
    try:
        backend.attach(state).detach()
    except StackError:
        backend.sweep(state)
        return
    raise StackError(f"{state}: a stack is running here already; harness down stops it")


def attach(directory: Path) -> Detachable:
    """Return the detached stack of `directory`; it runs on when this process ends.

    Raises:
        StackError: none runs.
    """
    state = detached_state(directory)
    for backend in owners(state):
        return backend.attach(state)
    raise StackError(f"{state}: no stack runs here; start one: harness up")


def stop_detached(directory: Path) -> None:
    """Stop the detached stack of `directory`, or clean up what is left of it."""
    with suppress(StackError):
        attach(directory).close()
    sweep(detached_state(directory))


def print_logs(
    directory: Path,
    services: Sequence[str],
    *,
    follow: bool,
    write: Callable[[str], object],
) -> None:
    """Write what `services` (all of them if none is named) have logged, a name before each line.

    Raises:
        UsageError: no such service has a log.
        StackError: none has run, or it is in containers and no Docker engine answers.
    """
    state = detached_state(directory)
    # Log files may outlive their stack, so without a stack the default backend looks for them.
    backend = next(owners(state), None) or get_backend()
    backend.print_logs(state, services, follow=follow, write=write)
