"""The toxics, one file each. A file put into this folder is found, nothing else need change."""

from importlib import import_module
from pathlib import Path

from harness.proxy.toxics._base import (
    LONGEST_MS,
    TOXIC_TYPES,
    Toxic,
    ToxicError,
    check_milliseconds,
    check_range,
)

for _file in sorted(Path(__file__).parent.glob("[!_]*.py")):
    import_module(f"{__name__}.{_file.stem}")

__all__ = [
    "LONGEST_MS",
    "TOXIC_TYPES",
    "Toxic",
    "ToxicError",
    "check_milliseconds",
    "check_range",
]
