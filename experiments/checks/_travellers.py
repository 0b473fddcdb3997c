"""Travellers as they appear in a history: at which desk, with which document, on which crossing."""

from collections.abc import Iterator

from harness.checks import id_of
from harness.history import History, Request
from services.mrz import MrzError, parse


def at(history: History, prefix: str) -> Iterator[Request]:
    """The requests to services of one kind, e.g. `counter-`."""
    return (r for r in history.requests if r.invoke.service.startswith(prefix))


def services(history: History, prefix: str) -> tuple[str, ...]:
    """The services of one kind that the history speaks of."""
    named = {getattr(event, "service", None) for event in history.events}
    return tuple(sorted(name for name in named if name is not None and name.startswith(prefix)))


def admitted(request: Request) -> bool:
    """Whether this answer let the traveller through."""
    return request.outcome == "ok" and request.value.get("decision") == "admitted"


def crossing(request: Request) -> str | None:
    """The crossing that a request is about."""
    return id_of(request, "crossing")


def document(request: Request) -> str | None:
    """The number in the traveller's machine-readable zone, if that can be read."""
    lines = request.invoke.input.get("mrz")
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        return None
    try:
        return parse(tuple(lines)).document
    except (MrzError, ValueError):
        return None
