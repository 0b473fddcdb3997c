"""Detached stacks, which outlive the process that starts them: `harness up`, `down` and others.

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
from ._saved_stack import already_running, no_stack
from ._sweep import sweep


def detached_state(directory: Path) -> Path:
    """Return the state directory of the detached stack of `directory`."""
    return directory / ".harness" / "stack"


def start_detached(directory: Path, settings: Settings, backend: Backend) -> Detachable:
    """Start the stack of `directory` on `backend`, leave it running, and return it.

    Raises:
        UsageError: the Compose file is missing or invalid.
        StackError: it does not start, or a stack of `directory` already runs, on any backend.
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
    """Remove a crashed stack of `backend` from `state`: a state directory holds one stack.

    Raises:
        StackError: that stack is still running.
    """
    try:
        backend.attach(state).detach()
    except StackError:
        backend.sweep(state)
        return
    raise already_running(state)


def attach(directory: Path) -> Detachable:
    """Return the detached stack of `directory`; it keeps running when this process ends.

    Raises:
        StackError: no stack of `directory` runs.
    """
    state = detached_state(directory)
    for backend in owners(state):
        return backend.attach(state)
    raise no_stack(state)


def stop_detached(directory: Path) -> None:
    """Stop the detached stack of `directory`, and remove whatever a crashed one left."""
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
    """Write the logs of `services` (of all if none is named), each line prefixed with its service.

    Raises:
        UsageError: no such service has a log.
        StackError: no stack has run, or it runs in containers and no Docker engine answers.
    """
    state = detached_state(directory)
    # Log files may outlive their stack, so without a stack the default backend looks for them.
    backend = next(owners(state), None) or get_backend()
    backend.print_logs(state, services, follow=follow, write=write)
