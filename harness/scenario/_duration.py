"""Durations as users write them: `18s`, `1h30m`, `250ms`, `3d`, or a plain number of seconds.

Durations in a scenario are in scenario time; the run divides them by the scenario's `pace`.
"""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d)\s*")
_LONGEST = 36_500 * 86_400.0
"""Seconds. Waiting for centuries is a mistake, and more than the operating system can do."""
_PATTERN = r"^\s*(\d+(\.\d+)?\s*(ms|min|s|m|h|d)\s*)+$"


def parse_duration(value: object) -> float:
    """Return the seconds in `value`.

    Raises:
        ValueError: `value` is neither a number of seconds nor a text such as `1h30m`, or it is
            longer than a hundred years.
    """
    seconds: float
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and re.match(_PATTERN, value):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    else:
        raise ValueError(f"{value!r} is not a duration; write one as 18s, 250ms, 1h30m or 3d")
    check_duration(seconds)
    return float(seconds)


def check_duration(seconds: float) -> None:
    """Check that nobody has to wait longer than a hundred years.

    Raises:
        ValueError: `seconds` is more than that.
    """
    if seconds > _LONGEST:
        raise ValueError("is longer than a hundred years; write a shorter duration")


def write_duration(seconds: float) -> str:
    """Return the shortest text that `parse_duration` reads back exactly, such as `1h30m`."""
    if seconds < 0 or round(seconds * 1000) / 1000 != seconds:
        return f"{seconds}s"
    rest, parts = round(seconds * 1000), []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(ge=0, allow_inf_nan=False),
    PlainSerializer(write_duration, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": _PATTERN}],
            "description": "A duration: seconds, or a text such as 18s, 250ms, 1h30m.",
        }
    ),
]
"""A duration in seconds; in scenario time unless the field says wall-clock time."""
