"""The registry of backends: the one place that lists their names.

    get_backend("compose").make_stack(spec, state_dir)

To add a backend: write a package with a `BACKEND` in its `__init__`, and add its line here. The
package is imported when its backend is asked for, so its `__init__` imports nothing heavy.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UsageError

from ._backend import Backend, Capability

_PACKAGES = {"local": "harness.stack.local", "compose": "harness.stack.compose"}

BACKENDS = tuple(_PACKAGES)
"""The names of all backends; the first is the default."""


def get_backend(name: str | None = None) -> Backend:
    """Return the backend called `name`, or the default backend.

    Raises:
        UsageError: there is no such backend.
    """
    if name is None:
        name = BACKENDS[0]
    if name not in _PACKAGES:
        raise UsageError(f"--on {name}: is no backend; use {' or '.join(BACKENDS)}")
    backend: Backend = importlib.import_module(_PACKAGES[name]).BACKEND
    return backend


def backends_with(capability: Capability) -> tuple[str, ...]:
    """Return the names of the backends that have `capability`."""
    return tuple(name for name in BACKENDS if capability in get_backend(name).capabilities)


def owners(state_dir: Path) -> Iterator[Backend]:
    """Return the backends that have something in `state_dir`."""
    return (backend for backend in map(get_backend, BACKENDS) if backend.owns(state_dir))
