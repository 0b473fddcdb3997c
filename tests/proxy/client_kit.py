"""Fetches other people's clients and runs their programs.

Clients come from their registries into a cache outside the repository. Where that cannot be done
their tests are skipped, or fail if HARNESS_REQUIRE names `clients`.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

CACHE = Path(tempfile.gettempdir()) / f"harness-proxy-clients-{os.getuid()}"
FETCH_S = 100


def fetch(command: list[str], folder: Path | None = None, **environment: str) -> None:
    """Run a package manager in `folder`; without its answer there is nothing to test."""
    try:
        subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, check=True, timeout=FETCH_S,
            capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        missing(f"cannot fetch it: {error}")


def missing(what: str) -> None:
    """Skip the test, or fail it where clients are required."""
    if "clients" in os.environ.get("HARNESS_REQUIRE", "").split(","):
        pytest.fail(what)
    pytest.skip(what)


def run_json(command: list[str], **environment: str) -> Any:
    """What a program prints, as JSON."""
    return json.loads(run(command, **environment))


def run(command: list[str], **environment: str) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
