"""Reads `docker-compose.yml` with its `x-harness:` blocks: the one description of a stack.

    spec = read_stack(Path("."), os.environ)

Services without an `x-harness:` block (the Toxiproxy itself, Locust) are not part of the spec.
"""

from collections.abc import Mapping
from pathlib import Path

from ._spec import StackSpec


def read_stack(directory: Path, environment: Mapping[str, str]) -> StackSpec:
    """The stack that `directory`'s Compose file describes; variables come from `environment`.

    Raises:
        UsageError: there is none, or it is malformed or inconsistent; every problem on a line of
            its own, with file, key and cure.
    """
    # PyYAML and pydantic take 0.2 s, which a stack's supervisor must not pay while others wait.
    from ._reading import read  # noqa: PLC0415

    return read(directory, environment)
