"""Verdicts on disk: `verdicts.json`, an indented JSON list."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.files import write_file

from ._check import Verdict


def write_verdicts(path: Path, verdicts: Iterable[Verdict]) -> None:
    """Write `verdicts` to `path` atomically: readers see the old file or the new one."""
    write_file(path, msgspec.json.format(msgspec.json.encode(list(verdicts)), indent=2) + b"\n")


def read_verdicts(path: Path) -> list[Verdict]:
    """Return the verdicts in the file `path`.

    Raises:
        HarnessError: the file cannot be read, or is not a list of verdicts.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Verdict])
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise HarnessError(f"{path}: contains no verdicts: {error}; judge the run again") from error
