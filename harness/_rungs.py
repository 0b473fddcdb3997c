"""The rungs by the names that `--on` takes; each is imported only when it is asked for."""

from harness.errors import UsageError
from harness.run import MakeStack


def rung(name: str) -> MakeStack:
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
