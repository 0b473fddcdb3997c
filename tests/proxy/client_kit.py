"""Download third-party Toxiproxy clients and run programs that use them.

Clients are installed from their package registries into a cache outside the repository. If a client
cannot be installed, its tests are skipped, unless the environment variable HARNESS_REQUIRE (a
comma-separated list) names what is missing: `clients` for those that need only Python to install
(Node.js is installed from PyPI if the machine has none), `go`, `java`.
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
    """Run a package manager's `command`; skip or fail the test if that does not succeed.

    Args:
        command: the command line of the package manager.
        folder: its working directory.
        tool: the name in HARNESS_REQUIRE that makes a failure out of the skip.
        environment: environment variables to add.
    """
    try:
        subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, check=True, timeout=FETCH_S,
            capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        skip_or_fail(f"cannot install the client: {error}", tool)


def fetch_from_pypi(requirement: str, folder: Path) -> None:
    """Install a package from PyPI, without its dependencies, into `folder`."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    fetch([*pip, "--no-deps", "--target", str(folder), requirement])


def skip_or_fail(reason: str, tool: str) -> None:
    """Skip the test, or fail it if HARNESS_REQUIRE names `tool`."""
    if tool in os.environ.get("HARNESS_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


def run_json(command: list[str], **environment: str) -> Any:
    """Run a program that must succeed; return its standard output, parsed as JSON."""
    return json.loads(run(command, **environment))


def run(command: list[str], **environment: str) -> str:
    """Run a program that must succeed; return its standard output."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
