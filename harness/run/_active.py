"""Markers of runs under way, and `harness heal` for runs that ended without cleaning up.

Each run keeps a marker file, `.harness/runs/NAME`, in the stack's directory. It contains the path
of the run's folder, and is locked as long as the run's process lives, however the process ends. A
marker that is not locked belongs to a run that was killed.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import chaos
from harness.errors import UnhealedError
from harness.stack import detached_state, is_used, sweep


def _markers(directory: Path) -> Path:
    return directory / ".harness" / "runs"


@contextmanager
def marked(directory: Path, folder: Path) -> Iterator[None]:
    """Keep a marker for the run in `folder` during the block.

    A run that is killed, or that leaves faults or containers behind, leaves its marker, so that
    `heal_everything` finds it.
    """
    markers = _markers(directory)
    markers.mkdir(parents=True, exist_ok=True)
    path = markers / f"{folder.name}-{os.getpid()}"
    draft = markers / f".{path.name}"
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, os.fsencode(folder))
        draft.rename(path)  # by now complete and locked, for `harness heal` may find it at once
        try:
            yield
        finally:
            if not _leaves_something(folder):
                path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def heal_everything(directory: Path) -> list[str]:
    """Clean up after all runs and detached stacks of `directory` whose process is dead.

    Heals their faults and removes their processes or containers. Runs under way are left alone.

    Returns:
        One line for each thing that was done.

    Raises:
        UnhealedError: something could not be healed; the message says what to do by hand.
    """
    done: list[str] = []
    problems: list[str] = []
    for marker in sorted(_markers(directory).glob("[!.]*")):
        try:
            descriptor = os.open(marker, os.O_RDWR)
        except FileNotFoundError:  # the run has ended since the listing
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = Path(os.fsdecode(marker.read_bytes()))
            done += _heal(folder, problems)
            if not _leaves_something(folder):
                marker.unlink(missing_ok=True)
        except BlockingIOError:
            done.append(f"{marker.name} is still under way and was left alone")
        finally:
            os.close(descriptor)
    done += _heal(detached_state(directory), problems)
    if problems:
        raise UnhealedError("\n".join([*problems, *(f"(healed: {line})" for line in done)]))
    return done or ["nothing was left"]


def _leaves_something(folder: Path) -> bool:
    return bool(chaos.outstanding(folder)) or is_used(folder)


def _heal(folder: Path, problems: list[str]) -> list[str]:
    if not folder.is_dir():
        return []
    try:
        healed = chaos.heal(folder)
    except UnhealedError as error:
        problems.append(str(error))
        healed = []
    return [*healed, *sweep(folder)]
