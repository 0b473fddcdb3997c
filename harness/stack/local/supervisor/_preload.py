"""Preload the modules of the ASGI services in the supervisor, before it forks them.

A module that reads one of the services' own variables on import must not be shared, because each
service would see the supervisor's value instead of its own. Such reads are recorded. The modules
that were imported from the stack's own directories are then unloaded, and the service imports them
itself. So is a module that cannot be imported: the error belongs in the log of its service.
"""

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_ALWAYS = ("harness.stack.local.supervisor._app", "uvloop", "httptools")


_ALL = "*"
"""Recorded when a module iterates over the whole environment."""


class _RecordingEnviron(os._Environ[str]):  # noqa: SLF001 - the type of os.environ has no public name
    """The process's environment while modules are imported; records which variables are read."""

    read: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        self.read.add(_ALL)
        return super().__iter__()


def preload(factories: Sequence[str], paths: Sequence[str], variables: Sequence[str]) -> None:
    """Import the modules of `factories`, except those that read one of `variables`."""
    sys.path[:0] = [path for path in paths if path not in sys.path]
    for module in _ALWAYS:
        importlib.import_module(module)
    for module in dict.fromkeys(factory.partition(":")[0] for factory in factories):
        before = set(sys.modules)
        with _record_reads() as read:
            _try_import(module)
        if read & {_ALL, *variables}:
            _unload(set(sys.modules) - before, paths)
    gc.collect()
    gc.freeze()  # forks share these pages until their garbage collector writes to them


def _try_import(module: str) -> None:
    try:
        importlib.import_module(module)
    except (Exception, SystemExit):  # noqa: BLE001 - a user's module; its service imports it again
        traceback.print_exc()


@contextmanager
def _record_reads() -> Iterator[set[str]]:
    """Yield the set of variables read from `os.environ`, also through references to that object."""
    original = os.environ.__class__
    _RecordingEnviron.read = set()
    os.environ.__class__ = _RecordingEnviron
    try:
        yield _RecordingEnviron.read
    finally:
        os.environ.__class__ = original


def _unload(modules: set[str], paths: Sequence[str]) -> None:
    roots = [Path(path).resolve() for path in paths]
    for name in modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or "site-packages" in file:  # importing a package twice may fail
            continue
        if any(Path(file).is_relative_to(root) for root in roots):
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            if parent in sys.modules and hasattr(sys.modules[parent], child):
                delattr(sys.modules[parent], child)
