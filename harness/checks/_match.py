"""Picking requests and fields: which operations, with which values, about which id."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, JsonValue

from harness.history import History, Request

Fields = dict[str, JsonValue]
"""Fields that must all be there and equal."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[
    tuple[str, ...], BeforeValidator(_as_tuple, json_schema_input_type=str | tuple[str, ...])
]
"""One name or a list of names."""


def matches(fields: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether `fields` has everything that `where` asks for; an empty `where` asks for nothing."""
    if not where:  # asked of every request, and most often for nothing
        return True
    return all(key in fields and fields[key] == wanted for key, wanted in where.items())


def select(history: History, ops: Sequence[str], services: Sequence[str] = ()) -> Iterator[Request]:
    """The requests of `ops` to `services`; an empty list stands for all."""
    return (
        request
        for request in history.requests
        if (not ops or request.invoke.op in ops)
        and (not services or request.invoke.service in services)
    )


def ident(value: object) -> str | None:
    """`value` as an id, or None if it cannot be one."""
    if isinstance(value, str) and value:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def id_of(request: Request, field: str) -> str | None:
    """The id that `request` is about: what was asked counts before what was answered."""
    return ident(request.invoke.input.get(field)) or ident(request.value.get(field))


def heard_of(history: History, services: Sequence[str]) -> tuple[str, ...]:
    """Those of `services` which appear in the history at all; the rest are misspelt or mute."""
    seen = {getattr(event, "service", None) for event in history.events}
    return tuple(service for service in services if service in seen)
