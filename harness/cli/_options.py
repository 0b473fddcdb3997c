"""Options that several commands share."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.errors import UsageError

HERE = Path()
"""The default of `--stack`: the current directory."""


def require_directory(path: Path | None) -> Path | None:
    """Return `path` if it is a directory, or None.

    Raises:
        UsageError: there is no such directory. Without this check `down` and `heal` would report
            that nothing is left there.
    """
    if path is not None and not path.is_dir():
        raise UsageError(
            f"--stack {path}: is no directory; name the one in which the stack's "
            "docker-compose.yml is"
        )
    return path


StackDir = Annotated[
    Path,
    typer.Option(
        "--stack",
        metavar="DIR",
        callback=require_directory,
        help="Directory of the stack's docker-compose.yml.",
    ),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--on", metavar="BACKEND", help="Where the stack runs; harness doctor lists the backends."
    ),
]
Build = Annotated[
    bool, typer.Option("--build", help="First pull or build the images: for --on compose.")
]


def print_line(text: str) -> None:
    """Print one line of progress on stdout."""
    sys.stdout.write(f"{text}\n")


def print_notice(text: str) -> None:
    """Print one line on stderr, in the form of the harness's error messages."""
    sys.stderr.write(f"harness: {text}\n")
