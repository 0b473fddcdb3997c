"""Downloads third-party Toxiproxy clients and runs programs that use them.

Clients are downloaded from their package registries into a cache outside the repository. If that
fails, their tests are skipped, unless HARNESS_REQUIRE (a comma-separated list) contains what is
missing: `clients` for those that Python alone can fetch (node comes from PyPI if it is not
installed), `go`, or `java`.
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
    """Run a package manager in `folder`; skip or fail the test if it fails."""
    try:
        subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, check=True, timeout=FETCH_S,
            capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        missing(f"cannot fetch the client: {error}", tool)


def fetch_from_pypi(requirement: str, folder: Path) -> None:
    """Install a package, without its dependencies, into a folder of its own."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    fetch([*pip, "--no-deps", "--target", str(folder), requirement])


def missing(what: str, tool: str) -> None:
    """Skip the test, or fail it if HARNESS_REQUIRE contains the tool."""
    if tool in os.environ.get("HARNESS_REQUIRE", "").split(","):
        pytest.fail(what)
    pytest.skip(what)


def run_json(command: list[str], **environment: str) -> Any:
    """Run a program; return its output, parsed as JSON."""
    return json.loads(run(command, **environment))


def run(command: list[str], **environment: str) -> str:
    """Run a program, which must succeed; return its output."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
