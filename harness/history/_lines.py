"""The log protocol: a service reports events as JSON objects on stdout, one per line.

A line with the key `event` is an event; every other line goes to the log file only. Known events
are `mode`, `plan`, `stage`, `notice` and `gauge`, with the fields of their classes; the other keys
of a `gauge` are its values. A service logs `mode` at its start and at each change; a process that
has logged none counts as automatic, whatever the previous process logged, and checks of modes are
inconclusive about a service that never logs one. Anything else, including a known event with wrong
fields, becomes a `LogEvent`. An event's time is the time at which its line was read.
docs/events.md describes all of it, with examples.
"""

from typing import Any

import msgspec

from ._events import AnyEvent, Gauge, LogEvent, Mode, Notice, Plan, Stage

_KINDS: dict[str, type[Mode | Plan | Stage | Notice]] = {
    "mode": Mode,
    "plan": Plan,
    "stage": Stage,
    "notice": Notice,
}
_ENVELOPE = {"event", "service", "time", "level"}


def parse_line(service: str, line: bytes | str, t: float) -> AnyEvent | None:
    """Return the event that `service` logged as `line`, read at `t`; None for any other line."""
    try:
        text = line.encode() if isinstance(line, str) else line
        record = msgspec.json.decode(text) if text.lstrip().startswith(b"{") else None
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested too deeply
        return None
    if not isinstance(record, dict) or not isinstance(record.get("event"), str):
        return None
    name = record["event"]
    data = {key: value for key, value in record.items() if key not in _ENVELOPE}
    return _typed(service, name, data, t) or LogEvent(t=t, service=service, event=name, data=data)


def _typed(service: str, name: str, data: dict[str, Any], t: float) -> AnyEvent | None:
    try:
        if name == "gauge":
            numbers = {k: float(v) for k, v in data.items() if isinstance(v, int | float)}
            return Gauge(t=t, service=service, values=numbers)
        kind = _KINDS.get(name)
        fields = {**data, "service": service, "t": t, "kind": name}
        return None if kind is None else msgspec.convert(fields, kind)
    except (msgspec.ValidationError, OverflowError):  # JSON integers have no upper limit
        return None
