"""The mode that each service is in, derived from the events so far.

This is the one place with the rule: a service's mode is what its process last reported, and it is
unknown again as soon as a new process is started, until that one reports a mode of its own.
"""

from collections.abc import Iterator

from ._events import Event, Mode, Node


class CurrentModes:
    """A fold over events: give every event to `apply`, in order of time, then ask for the modes."""

    def __init__(self) -> None:
        self._reported: dict[str, Mode] = {}

    def apply(self, event: Event) -> bool:
        """Take `event` into account; return True if it reports a mode or makes one unknown."""
        if isinstance(event, Mode):
            self._reported[event.service] = event
            return True
        if isinstance(event, Node) and event.state == "started":
            self._reported.pop(event.service, None)
            return True
        return False

    def mode(self, service: str) -> str | None:
        """Return the mode of `service`, or None while it is unknown."""
        event = self._reported.get(service)
        return None if event is None else event.mode

    def __iter__(self) -> Iterator[Mode]:
        """Iterate over the events that reported the modes known now, one per service."""
        return iter(tuple(self._reported.values()))
