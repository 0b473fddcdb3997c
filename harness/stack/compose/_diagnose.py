"""The findings of `harness doctor` about Docker."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from harness.errors import StackError, UsageError

from .._backend import Finding
from .._compose_file import read_stack
from ._command import Compose
from ._engine import connect, engine_errors
from ._images import read_images


def diagnose(directory: Path) -> Iterator[Finding]:
    """Yield findings about the engine, Compose, and the images of the stack in `directory`.

    Only this backend needs them, so a finding about a missing one is not an error.
    """
    try:
        client = connect()
    except StackError as error:
        yield Finding("Docker engine", "none", f"only --on compose needs one; {error}")
        return
    with closing(client):
        with engine_errors("the Docker engine's version cannot be read"):
            engine = client.version()
        version = f"{engine['Version']} (API {engine['ApiVersion']})"
        yield Finding("Docker engine", version, "for --on compose")
        try:
            yield Finding("Docker Compose", Compose.find().version, "for --on compose")
        except StackError as error:
            yield Finding("Docker Compose", "none", f"only --on compose needs one; {error}")
            return
        try:
            images = read_images(read_stack(directory, os.environ))
            missing, count = images.missing(client), len(images.tags)
        except StackError as error:
            yield Finding("images", "not known", f"only --on compose needs them; {error}")
        except UsageError:
            return  # the finding about the stack's file says why
        else:
            found = f"{len(missing)} of {count} missing" if missing else f"all {count} are there"
            cure = f"harness images build provides {', '.join(missing)}" if missing else ""
            yield Finding("images", found, cure or "for --on compose")
