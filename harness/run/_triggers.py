"""The `when` of a step: which events it waits for."""

import msgspec

from harness.history import Event, Gauge, LogEvent
from harness.scenario import When


def matches(when: When, event: Event) -> bool:
    """Return True if `event` is one that `when` describes.

    A field that an event lacks, or that is not a number, meets no bound of `at_least` or `at_most`.
    """
    kind = event.event if isinstance(event, LogEvent) else str(type(event).__struct_config__.tag)
    if kind != when.event or (when.service and getattr(event, "service", None) != when.service):
        return False
    if isinstance(event, LogEvent):
        fields = event.data
    elif isinstance(event, Gauge):
        fields = dict(event.values)
    else:
        fields = msgspec.structs.asdict(event)
    numbers = {key: value for key, value in fields.items() if isinstance(value, int | float)}
    return (
        all(fields.get(key) == value for key, value in when.where.items())
        and all(numbers.get(key, -_INFINITE) >= least for key, least in when.at_least.items())
        and all(numbers.get(key, _INFINITE) <= most for key, most in when.at_most.items())
    )


_INFINITE = float("inf")
