"""The log protocol: what a service may say on stdout, one JSON object a line, and what it becomes.

A line with `"event"` is an event; every other line is left to the log file. Known events are
`mode`, `plan`, `stage`, `notice` and `gauge`, with the fields of their classes; a `gauge`'s other
keys are its values. A `mode` is said at each change; a process that has said none is automatic,
whatever the one before it said. Anything else, a known event with wrong fields included, becomes
`LogEvent`. The time of an event is the time at which its line was read.
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
    """The event that `service` logged as `line`, read at `t`; None if it is no event."""
    try:
        text = line.encode() if isinstance(line, str) else line
        record = msgspec.json.decode(text) if text.lstrip().startswith(b"{") else None
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or nested for ever
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
        said = {**data, "service": service, "t": t, "kind": name}
        return None if kind is None else msgspec.convert(said, kind)
    except (msgspec.ValidationError, OverflowError):  # JSON's integers have no end
        return None
