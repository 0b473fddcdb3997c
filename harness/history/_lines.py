"""The log protocol: what a service may say on stdout, one JSON object a line, and what it becomes.

A line with `"event"` is an event; every other line is left to the log file. Known events are
`mode`, `plan`, `stage`, `notice` and `gauge`, with the fields of their classes; a `gauge`'s other
keys are its values. Anything else, a known event with wrong fields included, becomes `Said`. The
time of an event is the time at which its line was read.
"""

from typing import Any

import msgspec

from ._events import AnyEvent, Gauge, Mode, Notice, Plan, Said, Stage

_KINDS: dict[str, type[Mode | Plan | Stage | Notice]] = {
    "mode": Mode,
    "plan": Plan,
    "stage": Stage,
    "notice": Notice,
}
_ENVELOPE = {"event", "service", "time", "level"}


def parse_line(service: str, line: bytes | str, t: float) -> AnyEvent | None:
    """The event that `service` logged as `line`, read at `t`; None if it is no event."""
    text = line.encode() if isinstance(line, str) else line
    if not text.lstrip().startswith(b"{"):
        return None
    try:
        record = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("event"), str):
        return None
    name = record["event"]
    data = {key: value for key, value in record.items() if key not in _ENVELOPE}
    return _typed(service, name, data, t) or Said(t=t, service=service, event=name, data=data)


def _typed(service: str, name: str, data: dict[str, Any], t: float) -> AnyEvent | None:
    if name == "gauge":
        values = {
            key: float(value) for key, value in data.items() if isinstance(value, int | float)
        }
        return Gauge(t=t, service=service, values=values)
    kind = _KINDS.get(name)
    if kind is None:
        return None
    try:
        return msgspec.convert({**data, "service": service, "t": t, "kind": name}, kind)
    except msgspec.ValidationError:
        return None
