"""Selecting requests by operation, service and fields, and finding the id that one is about."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, JsonValue

from harness.history import History, Request

from ._text import list_text

Fields = dict[str, JsonValue]
"""Fields that must all be present and equal."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[
    tuple[str, ...], BeforeValidator(_as_tuple, json_schema_input_type=str | tuple[str, ...])
]
"""One name or a list of names."""


def matches(fields: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Return True if `fields` has every key of `where` with an equal value."""
    if not where:  # called for every request, and `where` is most often empty
        return True
    return all(key in fields and fields[key] == wanted for key, wanted in where.items())


def select_requests(
    history: History, ops: Sequence[str], services: Sequence[str] = ()
) -> Iterator[Request]:
    """Yield the requests of `ops` to `services`; an empty list stands for all."""
    return (
        request
        for request in history.requests
        if (not ops or request.invoke.op in ops)
        and (not services or request.invoke.service in services)
    )


def as_id(value: object) -> str | None:
    """Return `value` as an id; None unless it is a non-empty string or an integer."""
    if isinstance(value, str) and value:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def id_of(request: Request, field: str) -> str | None:
    """Return the id in `field` of the request's input, else of its answer; None without one."""
    return as_id(request.invoke.input.get(field)) or as_id(request.value.get(field))


def unreported_text(history: History, services: Sequence[str]) -> str:
    """Return which of `services` never logged a mode, and what to log; empty if all did."""
    missing = [service for service in services if service not in history.reported_modes]
    if not missing:
        return ""
    return (
        f"{list_text(missing)} never logged a mode; at its start and at each change a service must "
        'log a line such as {"event": "mode", "mode": "automatic"} (docs/events.md)'
    )


def unknown_modes_text(history: History, services: Sequence[str]) -> str:
    """Return why the modes of `services` cannot be judged; empty if every one logged a mode."""
    return unmentioned_text(history, services) or unreported_text(history, services)


def unmentioned_text(history: History, services: Sequence[str]) -> str:
    """Return which of `services` appear in no event of the history; empty if all appear.

    Such a service is misspelt in the scenario, or logs nothing that the harness can read.
    """
    seen = {getattr(event, "service", None) for event in history.events}
    missing = sorted({service for service in services if service not in seen})
    return f"no event of the history mentions {list_text(missing)}" if missing else ""
