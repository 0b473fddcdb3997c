"""Make a change on many links or services at once, and collect what failed."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor

from harness.errors import HarnessError


def change_all(
    pool: Executor, change: Callable[[str], None], names: Iterable[str]
) -> list[HarnessError]:
    """Call `change` for each of `names` in `pool`, even if some fail; return the errors."""
    errors: list[HarnessError] = []

    def attempt(name: str) -> None:
        try:
            change(name)
        except HarnessError as error:
            errors.append(error)

    list(pool.map(attempt, names))
    return errors
