"""The rungs by the names that `--on` takes; each is imported only when it is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from harness.errors import UsageError
from harness.stack import Detachable, StackSpec

MakeDetachable: TypeAlias = Callable[[StackSpec, Path], Detachable]
"""As `harness.run.MakeStack`, of stacks that can be left running."""


def rung(name: str) -> MakeDetachable:
    """How stacks are made on rung `name`.

    Raises:
        UsageError: there is no such rung.
    """
    if name == "local":
        from harness.stack import LocalStack

        return LocalStack
    if name == "compose":
        from harness.stack.compose import ComposeStack

        return ComposeStack
    raise UsageError(f"--on {name}: is no rung; use local or compose")
