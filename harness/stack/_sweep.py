"""Removing what a dead stack left, on whichever backend it was."""

from pathlib import Path

from ._backends import BACKENDS, get_backend, owners


def sweep(state_dir: Path) -> list[str]:
    """Remove whatever a crashed stack left in `state_dir`; return one line for each thing.

    A stack that runs is not touched: a local one that answers, and containers that `harness up`
    left running. Other containers have no process that could answer for them: whoever calls
    this knows that their harness is gone.

    Raises:
        StackError: containers were started from there, and no Docker engine answers.
    """
    return [line for name in BACKENDS for line in get_backend(name).sweep(state_dir)]


def is_used(state_dir: Path) -> bool:
    """Return True if a stack was started in `state_dir` and has not been removed since."""
    return any(True for _ in owners(state_dir))
