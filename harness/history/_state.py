"""The state of a run after the events so far: last states and counts, never a list of events.

    state = RunState()
    for event in events:
        state.apply(event)
    print(state.phase, state.requests.sent, state.modes.mode("shop"))

Everything that shows a run while it lasts is derived from this one fold.
"""

import msgspec

from ._events import (
    Ended,
    Event,
    Fail,
    Fault,
    Gauge,
    Invoke,
    Node,
    Ok,
    Phase,
    Stage,
    Started,
    Unknown,
)
from ._modes import CurrentModes


class RequestCounts(msgspec.Struct, kw_only=True):
    """How many requests were sent, and how many completed with each outcome."""

    sent: int = 0
    ok: int = 0
    failed: int = 0
    unknown: int = 0


class RunState:
    """A fold over events: give every event of a run to `apply`, then read the attributes.

    It holds one entry per service, stage and fault that is not healed, so its size does not grow
    with the length of the run. It looks at no clock and is not thread-safe.
    """

    def __init__(self) -> None:
        self.started: Started | None = None
        self.ended: Ended | None = None
        self.phase = "starting"
        self.requests = RequestCounts()
        self.modes = CurrentModes()
        self.nodes: dict[str, Node] = {}
        """By service, the last event of its process or container."""
        self.stages: dict[tuple[str, str], Stage] = {}
        """By service and stage of its recovery plan, the last event."""
        self.faults: dict[str, Fault] = {}
        """By id, the last event of every injection that is not healed."""
        self.gauges: dict[str, dict[str, float]] = {}
        """By service, the last value of each of its gauges."""

    def apply(self, event: Event) -> None:
        """Take `event` into account."""
        if self._count(event):
            return
        self.modes.apply(event)
        match event:
            case Gauge():
                self.gauges.setdefault(event.service, {}).update(event.values)
            case Node():
                self.nodes[event.service] = event
            case Stage():
                self.stages[event.service, event.stage] = event
            case Fault(state="healed"):
                self.faults.pop(event.id, None)
            case Fault():
                self.faults[event.id] = event
            case Phase():
                self.phase = event.name
            case Started():
                self.started = event
            case Ended():
                self.ended = event

    def _count(self, event: Event) -> bool:
        """Count a request's event; return False if `event` is not one."""
        match event:
            case Invoke():
                self.requests.sent += 1
            case Ok():
                self.requests.ok += 1
            case Fail():
                self.requests.failed += 1
            case Unknown():
                self.requests.unknown += 1
            case _:
                return False
        return True
