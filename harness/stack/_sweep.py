"""What a dead stack has left, on whichever rung it was."""

from pathlib import Path

from . import local


def sweep(state_dir: Path) -> list[str]:
    """End and remove whatever a crashed stack left in `state_dir`; what that was, if anything.

    A local stack that lives and answers is left alone. A stack in containers has no process that
    could answer: whoever calls this knows that its harness is gone.

    Raises:
        StackError: containers were started from there, and no Docker engine answers.
    """
    left = local.sweep(state_dir)
    if (state_dir / "compose.project").exists():
        # The Docker SDK takes a quarter of a second to import, and most have no use for it.
        from .compose import sweep_project  # noqa: PLC0415

        left += sweep_project(state_dir)
    return left
