"""The format of run folders: `run.json` states which one a folder has, from its first moment.

FORMAT changes whenever a folder that an older version wrote cannot be judged any more, for example
because an event or one of its fields has another name.

    1   up to the first 0.1.0; has no run.json
    2   run.json; event `log`, field `backend`, errors.json, phase `quiescence`
"""

import json
from pathlib import Path

import msgspec

from harness import __version__
from harness.errors import HarnessError, UsageError
from harness.files import write_file

FORMAT = 2

_FILE = "run.json"


class _Statement(msgspec.Struct):
    """The content of `run.json`."""

    format: int
    harness: str
    """The version that wrote the folder."""


def write_format(folder: Path) -> None:
    """State in `folder` that this version writes it, in the present format."""
    statement = _Statement(format=FORMAT, harness=__version__)
    write_file(folder / _FILE, msgspec.json.encode(statement) + b"\n")


def require_format(folder: Path) -> None:
    """Refuse a folder that this version cannot judge.

    Raises:
        UsageError: the folder is not a run's, or has another format.
        HarnessError: its `run.json` is damaged.
    """
    path = folder / _FILE
    try:
        statement = msgspec.json.decode(path.read_bytes(), type=_Statement)
    except FileNotFoundError as error:
        if not (folder / "scenario.json").is_file():
            text = f"holds no run: it has no {_FILE}; name the folder of a run, as in runs/NAME-..."
            raise UsageError(f"{folder}: {text}") from error
        statement = _Statement(format=1, harness=_version_in_format_1(folder))
    except (OSError, msgspec.DecodeError) as error:
        raise HarnessError(f"{path}: is damaged: {error}; copy the run again") from error
    if statement.format != FORMAT:
        version = f"harness {statement.harness}" if statement.harness else "an earlier harness"
        raise UsageError(
            f"{folder}: was written by {version} (format {statement.format}); this version, "
            f"{__version__}, reads format {FORMAT}; run the scenario again"
        )


def _version_in_format_1(folder: Path) -> str:
    """Return the version in `stack.json`; empty if the stack never came up."""
    try:
        version = json.loads((folder / "stack.json").read_bytes())["harness"]
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    return version if isinstance(version, str) else ""
