"""Fetches other people's clients and runs their programs.

Clients come from their registries into a cache outside the repository. Where that cannot be done
their tests are skipped, unless HARNESS_REQUIRE (a comma list) names what is missing: `clients` for
those that Python alone can fetch (node comes from PyPI where there is none), `go`, `java`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

CACHE = Path(tempfile.gettempdir()) / f"harness-proxy-clients-{os.getuid()}"
FETCH_S = 100


def fetch(
    command: list[str], folder: Path | None = None, *, tool: str = "clients", **environment: str
) -> None:
    """Run a package manager in `folder`; without its answer there is nothing to test."""
    try:
        subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, check=True, timeout=FETCH_S,
            capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        skip_or_fail(f"cannot fetch it: {error}", tool)


def fetch_from_pypi(requirement: str, folder: Path) -> None:
    """Put a package, without what it depends on, into a folder of its own."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    fetch([*pip, "--no-deps", "--target", str(folder), requirement])


def skip_or_fail(what: str, tool: str) -> None:
    """Skip the test, or fail it where the tool is required."""
    if tool in os.environ.get("HARNESS_REQUIRE", "").split(","):
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
