"""Imports the services' modules once, in the parent, so that their forks need not.

A module that reads one of the services' own variables on import must not be shared, because each
service would see the supervisor's value instead of its own. Such reads are noticed, and the
modules that the import brought from the stack's own directories are forgotten again; the service
then imports them itself. A module that cannot be imported is left to its service as well, whose
log is where its error belongs.
"""

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ALWAYS = ("harness.stack.local.supervisor._app", "uvloop", "httptools")


_ALL = "*"
"""Noted when a module looks through the whole environment."""


class _Noticing(os._Environ[str]):  # noqa: SLF001 - the type of os.environ has no public name
    """The process's environment while modules are imported; notes which variables are read."""

    read: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        self.read.add(_ALL)
        return super().__iter__()


def preload(factories: Sequence[str], paths: Sequence[str], variables: Sequence[str]) -> None:
    """Import the modules of `factories` unless they read one of `variables`."""
    sys.path[:0] = [path for path in paths if path not in sys.path]
    for module in ALWAYS:
        importlib.import_module(module)
    for module in dict.fromkeys(factory.partition(":")[0] for factory in factories):
        before = set(sys.modules)
        with _noticing() as read:
            _try_import(module)
        if read & {_ALL, *variables}:
            _forget(set(sys.modules) - before, paths)
    gc.collect()
    gc.freeze()  # forks share these pages for as long as no collector touches them


def _try_import(module: str) -> None:
    try:
        importlib.import_module(module)
    except (Exception, SystemExit):  # noqa: BLE001 - not our module; its service tries it again
        traceback.print_exc()


@contextmanager
def _noticing() -> Iterator[set[str]]:
    """Everything that reads os.environ, however it got hold of it, is noticed in here."""
    plain = os.environ.__class__
    _Noticing.read = set()
    os.environ.__class__ = _Noticing
    try:
        yield _Noticing.read
    finally:
        os.environ.__class__ = plain


def _forget(modules: set[str], paths: Sequence[str]) -> None:
    roots = [Path(path).resolve() for path in paths]
    for name in modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or "site-packages" in file:  # a package may not like to be imported twice
            continue
        if any(Path(file).is_relative_to(root) for root in roots):
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            if parent in sys.modules and hasattr(sys.modules[parent], child):
                delattr(sys.modules[parent], child)
