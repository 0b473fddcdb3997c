"""A wheel of this project, and an environment of its own in which it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("harness", "pyproject.toml", "README.md", "LICENSE")


def pip(*arguments: str | Path) -> None:
    """Run this environment's pip; `--python` as its first argument chooses another one."""
    subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"],
        check=True,
        timeout=300,
    )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a download from a copy: setuptools writes beside the sources."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", out, source)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session", params=["linked", "pypi"])
def environment(
    request: pytest.FixtureRequest,
    wheel: Path,
    tmp_path_factory: pytest.TempPathFactory,
    missing: Callable[..., NoReturn],
) -> Path:
    """The `bin` directory of an environment that has the wheel and no source tree.

    `linked` takes the dependencies from the environment that runs the tests. `pypi` is empty and
    installs what the wheel declares from PyPI, so it runs only where HARNESS_REQUIRE names `pypi`.
    """
    if request.param == "pypi" and "pypi" not in os.environ.get("HARNESS_REQUIRE", "").split(","):
        missing("needs downloads from PyPI; HARNESS_REQUIRE=pypi allows them", "pypi")
    home = tmp_path_factory.mktemp(request.param)
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    if request.param == "linked":
        (packages,) = home.glob("lib/python*/site-packages")
        # Only the path: `.pth` files in it, such as the one of an editable install, are not read.
        (packages / "linked.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip("--python", python, "install", "--no-deps", "--no-index", "--ignore-installed", wheel)
    else:
        pip("--python", python, "install", "-c", ROOT / "constraints.txt", wheel)
    return home / "bin"
