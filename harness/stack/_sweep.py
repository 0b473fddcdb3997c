"""Remove what a crashed stack left, on every backend."""

from pathlib import Path

from ._backends import BACKENDS, get_backend, owners


def sweep(state_dir: Path) -> list[str]:
    """Remove whatever a crashed stack left in `state_dir`; return one line for each thing.

    Two kinds of stack are not touched: local ones whose supervisor answers, and containers that
    `harness up` left running. Other containers have no process that shows whether they are still
    in use, so the caller must know that their harness has ended.

    Raises:
        StackError: containers were started in `state_dir`, and no Docker engine answers.
    """
    return [line for name in BACKENDS for line in get_backend(name).sweep(state_dir)]


def is_used(state_dir: Path) -> bool:
    """Return True if a stack was started in `state_dir` and has not been removed since."""
    return any(True for _ in owners(state_dir))
