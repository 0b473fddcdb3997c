"""Stacks that outlive their starter: `harness up`, `status`, `logs`, `down`.

The state of the stack that is described in DIR is kept in DIR/.harness/stack.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from harness.errors import StackError, UsageError

from ._compose_file import read_stack
from ._protocol import Detachable, Settings
from ._spec import StackSpec
from ._sweep import in_containers, sweep
from .local import LocalStack, service_logs

_LOOK_AGAIN = 0.2


def detached_state(directory: Path) -> Path:
    """Where the state of the detached stack of `directory` is kept."""
    return directory / ".harness" / "stack"


def start_detached(
    directory: Path,
    settings: Settings,
    make: Callable[[StackSpec, Path], Detachable] = LocalStack,
) -> Detachable:
    """Start the stack of `directory` and leave it running; `make` is its rung.

    Raises:
        UsageError: its file is wrong.
        StackError: it does not start, or runs already, on whichever rung.
    """
    spec, state = read_stack(directory, os.environ), detached_state(directory)
    stack = make(spec, state)
    if in_containers(state) != (stack.rung == "compose"):
        _clear_other_rung(directory)
    stack.start(settings, lines=lambda *_: None, nodes=lambda _: None)
    stack.detach()
    return attach(directory)


def _clear_other_rung(directory: Path) -> None:
    """One state directory holds one stack: a living one is in the way, a dead one is removed."""
    try:
        attach(directory).detach()
    except StackError:
        sweep(detached_state(directory))
        return
    where = detached_state(directory)
    raise StackError(f"{where}: a stack is running here already; harness down stops it")


def attach(directory: Path) -> Detachable:
    """The detached stack of `directory`; it runs on when this process ends.

    Raises:
        StackError: none runs.
    """
    state = detached_state(directory)
    if in_containers(state):
        from .compose import ComposeStack  # noqa: PLC0415 - as in `sweep`

        return ComposeStack.attach(state)
    return LocalStack.attach(state)


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
    if in_containers(state):
        from .compose import print_container_logs  # noqa: PLC0415 - as in `sweep`

        print_container_logs(state, services, follow=follow, write=write)
        return
    logs = service_logs(state)
    if not logs:
        raise StackError(f"{state}: no stack has run here; start one: harness up")
    if unknown := [name for name in services if name not in logs]:
        raise UsageError(f"{unknown[0]}: has no log in {state}; one of {', '.join(logs)}")
    positions: dict[str, int] = {}
    while True:
        for name, path in service_logs(state).items():
            if not services or name in services:
                positions[name] = _print_from(path, name, positions.get(name, 0), write)
        if not follow:
            return
        time.sleep(_LOOK_AGAIN)  # until Ctrl-C; a file cannot be waited on


def _print_from(path: Path, name: str, position: int, write: Callable[[str], object]) -> int:
    """Write the whole lines of `path` after `position`; where the next one begins."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(position)
        for line in file:
            if not line.endswith(b"\n"):
                break
            position += len(line)
            write(f"{name} | {line.decode(errors='replace')}")
    return position
