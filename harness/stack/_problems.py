"""Collects everything that is wrong with one stack file, a line each, before anything is raised.

Each line is `FILE: key.path: what is wrong; cure`, so that a user can mend the whole file in one
go and an editor can jump to the key.
"""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError

Key = Sequence[str | int]
"""Where in the file: the keys from the top, list positions included."""


class Problems:
    """What is wrong with `file` so far."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: list[str] = []

    def add(self, key: Key, text: str) -> None:
        """Note that the value at `key` is wrong in the way that `text` says, cure included."""
        where = ".".join(str(part) for part in key)
        line = f"{self.file}: {where}: {text}" if where else f"{self.file}: {text}"
        self._lines.append(" ".join(line.split()))

    def raise_if_any(self) -> None:
        """Raise what was noted, in the order in which it was found, each line once.

        Raises:
            UsageError: something was.
        """
        if self._lines:
            raise UsageError(list(dict.fromkeys(self._lines)))
