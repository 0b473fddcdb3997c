"""What a dead stack has left, on whichever rung it was."""

from pathlib import Path

from . import local


def sweep(state_dir: Path) -> list[str]:
    """End and remove whatever a crashed stack left in `state_dir`; what that was, if anything.

    A stack that lives is left alone: a local one that answers, and containers that `harness up`
    has left running. Other containers have no process that could answer for them: whoever calls
    this knows that their harness is gone.

    Raises:
        StackError: containers were started from there, and no Docker engine answers.
    """
    if not in_containers(state_dir):
        return local.sweep(state_dir)
    # The Docker SDK takes a quarter of a second to import, and most have no use for it.
    from .compose import sweep_project, was_left_running  # noqa: PLC0415

    if was_left_running(state_dir):
        return []
    return [*sweep_project(state_dir), *local.sweep(state_dir)]


def in_containers(state_dir: Path) -> bool:
    """Whether a stack of `state_dir` was started in containers and has not been removed since."""
    return (state_dir / "compose.project").exists()
