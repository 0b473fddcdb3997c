"""Read the description of a stack: `docker-compose.yml` with its `x-harness:` blocks.

    spec = read_stack(Path("."), os.environ)

Services without an `x-harness:` block (Toxiproxy itself, Locust) are not part of the spec.
"""

from collections.abc import Mapping
from pathlib import Path

from ._spec import StackSpec


def read_stack(directory: Path, environment: Mapping[str, str]) -> StackSpec:
    """Return the stack that the Compose file in `directory` describes.

    Args:
        directory: holds the Compose file and, if there is one, `.env`.
        environment: the variables that `${NAME}` in the file stands for; they override `.env`.

    Raises:
        UsageError: the file is missing, malformed or inconsistent. It lists every problem on a
            line of its own, with file, key and cure.
    """
    # Importing PyYAML and pydantic takes 0.2 s. The supervisor of a local stack does not need
    # them, and the start of the stack waits for it.
    from ._reading import read  # noqa: PLC0415

    return read(directory, environment)
