"""The run as it stands: what the live view shows and what triggers wait for.

One live_state observes every event, those of the load generator's parts included (`follow`), and
keeps only numbers and last states, so a long run costs no memory here.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from threading import Condition
from threading import Event as Flag

import msgspec

from harness.history import (
    Event,
    Fail,
    Fault,
    Gauge,
    Generator,
    Invoke,
    LogEvent,
    Mode,
    Node,
    Ok,
    Phase,
    Stage,
    Unknown,
    decode,
)
from harness.scenario import When

_MEMORY = 5000
"""Events kept for triggers; those of clients are not among them."""

_COUNTERS = {Invoke: "asked", Ok: "ok", Fail: "failed", Unknown: "unknown"}


class LiveState:
    """Thread-safe: one condition guards everything, and is notified at each event."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.phase = "starting"
        self.modes: dict[str, str] = {}
        self.gauges: dict[str, dict[str, float]] = {}
        self.stages: dict[str, Stage] = {}
        self.faults: dict[str, Fault] = {}
        self.asked = self.ok = self.failed = self.unknown = 0
        self._seen: deque[Event] = deque(maxlen=_MEMORY)
        self._number = 0

    def observe(self, event: Event) -> None:
        """Take note of `event`."""
        with self.changed:
            if self._note(event):
                self.changed.notify_all()

    def wait(self, when: When, stop: Flag, remaining: Callable[[], float]) -> Event | None:
        """The first event of this run that `when` describes, or None once nothing remains."""
        with self.changed:
            checked = 0
            while not stop.is_set():
                fresh = min(self._number - checked, len(self._seen))
                for event in islice(self._seen, len(self._seen) - fresh, None):
                    if matches(when, event):
                        return event
                checked = self._number
                left = remaining()
                if left <= 0:
                    return None
                self.changed.wait(min(left, 0.25))
            return None

    def _note(self, event: Event) -> bool:
        """Take note; whether it is one that somebody may be waiting for."""
        counter = _COUNTERS.get(type(event))
        if counter is not None:
            setattr(self, counter, getattr(self, counter) + 1)
            return False
        if isinstance(event, Generator):
            return False
        if isinstance(event, Mode):
            self.modes[event.service] = event.mode
        elif isinstance(event, Node) and event.state == "started":
            self.modes.pop(event.service, None)  # that was another process's
        elif isinstance(event, Gauge):
            self.gauges.setdefault(event.service, {}).update(event.values)
        elif isinstance(event, Stage):
            self.stages[event.stage] = event
        elif isinstance(event, Fault):
            self.faults[event.id] = event
        elif isinstance(event, Phase):
            self.phase = event.name
        self._seen.append(event)
        self._number += 1
        return True


def matches(when: When, event: Event) -> bool:
    """Whether `event` is what `when` waits for."""
    kind = event.event if isinstance(event, LogEvent) else str(type(event).__struct_config__.tag)
    if kind != when.event or (when.service and getattr(event, "service", None) != when.service):
        return False
    if isinstance(event, LogEvent):
        fields = event.data
    elif isinstance(event, Gauge):
        fields = dict(event.values)
    else:
        fields = msgspec.structs.asdict(event)
    return (
        all(fields.get(key) == value for key, value in when.where.items())
        and all(_number(fields, key) >= bound for key, bound in when.at_least.items())
        and all(-_number(fields, key, -1) >= -bound for key, bound in when.at_most.items())
    )


def _number(fields: dict[str, object], key: str, sign: int = 1) -> float:
    value = fields.get(key)
    return float(value) if isinstance(value, int | float) else -sign * float("inf")


class Tailer:
    """Reads what the load generator's processes append to their parts, from where it left off."""

    def __init__(self, parts: Path, live_state: LiveState) -> None:
        self._parts = parts
        self._live_state = live_state
        self._offsets: dict[Path, int] = {}

    def read(self) -> None:
        """Show the live_state every whole line that is new."""
        for path in sorted(self._parts.glob("load-*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                chunk = file.read()
            end = chunk.rfind(b"\n") + 1
            for line in chunk[:end].splitlines():
                self._live_state.observe(decode(line))
            self._offsets[path] = self._offsets.get(path, 0) + end
