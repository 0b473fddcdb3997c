"""`harness logs` for a local stack: print its log files, which stay when the stack ends."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from harness.errors import StackError, UsageError

from ._sweep import service_logs

_POLL_INTERVAL = 0.2
"""Wall-clock seconds between two reads of the files while following."""


def print_logs(
    state_dir: Path,
    services: Sequence[str],
    *,
    follow: bool,
    write: Callable[[str], object],
) -> None:
    """Write the logs of `services` (of all if none is named), each line prefixed with its service.

    Raises:
        UsageError: no such service has a log.
        StackError: no stack has run in `state_dir`.
    """
    logs = service_logs(state_dir)
    if not logs:
        raise StackError(f"{state_dir}: no stack has run here; start one: harness up")
    if unknown := [name for name in services if name not in logs]:
        raise UsageError(f"{unknown[0]}: has no log in {state_dir}; one of {', '.join(logs)}")
    positions: dict[str, int] = {}
    while True:
        for name, path in service_logs(state_dir).items():
            if not services or name in services:
                positions[name] = _print_from(path, name, positions.get(name, 0), write)
        if not follow:
            return
        time.sleep(_POLL_INTERVAL)  # until Ctrl-C


def _print_from(path: Path, name: str, position: int, write: Callable[[str], object]) -> int:
    """Write the complete lines of `path` from `position` on; return where the next one begins."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(position)
        for line in file:
            if not line.endswith(b"\n"):
                break
            position += len(line)
            write(f"{name} | {line.decode(errors='replace')}")
    return position
