"""Sizes as users write them: `16MB`, `64 KB`, `1.5GB`, or a plain number of bytes.

A KB has 1024 bytes, as in Compose files.
"""

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_PATTERN = r"^\s*(\d+(\.\d+)?)\s*([kKmMgG]?)([iI]?[bB])?\s*$"


def parse_size(value: object) -> int:
    """Return the bytes in `value`.

    Raises:
        ValueError: `value` is neither a number of bytes nor a text such as `16MB`, or no number
            can hold it.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = re.match(_PATTERN, value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a size; write one as 16MB, 512KB or 1GB")
    size = float(found[1]) * _UNITS[found[3].lower()]
    if math.isinf(size):
        raise ValueError("is more than any disk has; write a size such as 16MB, 512KB or 1GB")
    return round(size)


def write_size(size: int) -> str:
    """Return the shortest text that `parse_size` reads back exactly, such as `16MB`."""
    for unit in ("g", "m", "k"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit.upper()}B"
    return f"{size}B"


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    Field(ge=0),
    PlainSerializer(write_size, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _PATTERN}],
            "description": "Bytes, or a text such as 16MB; a KB has 1024.",
        }
    ),
]
"""A size in bytes."""
