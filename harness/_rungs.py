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
    raise UsageError(f"--on {name}: is not a rung of this version; use local")
