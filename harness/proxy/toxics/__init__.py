"""The toxics, one file each. A new file in this folder is found by itself; see `_base`."""

from importlib import import_module
from pathlib import Path

from harness.proxy.toxics._base import (
    MAX_MS,
    TOXIC_TYPES,
    Toxic,
    ToxicError,
    check_milliseconds,
    check_range,
)

for _file in sorted(Path(__file__).parent.glob("[!_]*.py")):
    import_module(f"{__name__}.{_file.stem}")

__all__ = [
    "MAX_MS",
    "TOXIC_TYPES",
    "Toxic",
    "ToxicError",
    "check_milliseconds",
    "check_range",
]
