"""Travellers in a history: at which counter or gate, with which document, on which crossing."""

from collections.abc import Iterator

from harness.checks import id_of
from harness.history import History, Request
from services.mrz import MrzError, parse


def requests_to(history: History, prefix: str) -> Iterator[Request]:
    """Yield the requests to services whose name begins with `prefix`, such as `counter-`."""
    return (r for r in history.requests if r.invoke.service.startswith(prefix))


def services_named(history: History, prefix: str) -> tuple[str, ...]:
    """Return the services of the history whose name begins with `prefix`, sorted."""
    named = {getattr(event, "service", None) for event in history.events}
    return tuple(sorted(name for name in named if name is not None and name.startswith(prefix)))


def is_admitted(request: Request) -> bool:
    """Return True if the answer admitted the traveller."""
    return request.outcome == "ok" and request.value.get("decision") == "admitted"


def crossing_of(request: Request) -> str | None:
    """Return the id of the crossing that the request is about; None without one."""
    return id_of(request, "crossing")


def document_of(request: Request) -> str | None:
    """Return the document number in the machine-readable zone; None if that cannot be read."""
    lines = request.invoke.input.get("mrz")
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        return None
    try:
        return parse(tuple(lines)).document
    except (MrzError, ValueError):
        return None
