"""Collect all problems of a stack file, so that they are reported together.

Each is one line, `FILE: key.path: problem; cure`: a user can correct the whole file in one pass.
"""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError

Key = Sequence[str | int]
"""The path to a value in the file: keys and list positions, from the top."""


class Problems:
    """The problems found in `file` so far."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: list[str] = []

    def add(self, key: Key, text: str) -> None:
        """Add a problem with the value at `key`; `text` is what is wrong, and the cure."""
        where = ".".join(str(part) for part in key)
        line = f"{self.file}: {where}: {text}" if where else f"{self.file}: {text}"
        self._lines.append(" ".join(line.split()))

    def raise_if_any(self) -> None:
        """Raise all problems, in the order in which they were added and without duplicates.

        Raises:
            UsageError: there is at least one problem.
        """
        if self._lines:
            raise UsageError(list(dict.fromkeys(self._lines)))
