"""The state of a run while it lasts: the one source for live views and for triggers.

    live_state = LiveState(clock)
    recorder.watch(live_state.observe)
    live_state.subscribe(print)               # every message as it comes
    live_state.snapshot()                     # everything at this moment, as plain data
    live_state.wait(step.when, stop, left)    # until an event matches a trigger

It observes every event, including those in the load generator's parts (`Tailer`), and keeps only
counts, last states and a limited number of recent events, so that a long run needs no more memory.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice
from threading import Condition
from threading import Event as Flag

from harness.clock import Clock
from harness.history import Event, Fail, Generator, Invoke, Ok, RunState, Unknown
from harness.scenario import When

from ._messages import Message, Messages
from ._observers import Observers
from ._snapshot import Snapshot, take_snapshot
from ._triggers import matches

_RECENT_EVENTS = 5000
"""Events kept for triggers; those of the load generator are not among them."""

_RECENT_MESSAGES = 50

_POLL = 0.25
"""Wall-clock seconds after which a waiting trigger looks whether the run was stopped."""

_UNTRIGGERED = Invoke | Ok | Fail | Unknown | Generator
"""The events of the load generator, for which no trigger waits."""


class LiveState:
    """Thread-safe: one condition guards everything and is notified when a trigger may match."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = Condition()
        self._state = RunState()
        self._recent: deque[Event] = deque(maxlen=_RECENT_EVENTS)
        self._observed = 0
        self._messages = Messages()
        self._recent_messages: deque[Message] = deque(maxlen=_RECENT_MESSAGES)
        self._subscribers = Observers[Message]()

    def observe(self, event: Event) -> None:
        """Take `event` into account and pass its message, if it has one, to the subscribers."""
        with self._changed:
            self._state.apply(event)
            if isinstance(event, _UNTRIGGERED):
                return
            self._recent.append(event)
            self._observed += 1
            message = self._messages.message(event)
            if message is not None:
                self._recent_messages.append(message)
            self._changed.notify_all()
        if message is not None:
            self._subscribers.notify(message)

    def subscribe(self, callback: Callable[[Message], None]) -> None:
        """Call `callback` with every message from now on; drop it if it raises."""
        self._subscribers.add(callback)

    def snapshot(self) -> Snapshot:
        """Return the run at this moment as plain data."""
        with self._changed:
            return take_snapshot(self._state, tuple(self._recent_messages), self._clock.time())

    def wait(self, when: When, stop: Flag, remaining: Callable[[], float]) -> Event | None:
        """Wait for the first event of this run that matches `when`, and return it.

        Events from before the call count. Returns None when `stop` is set, or when `remaining()`,
        in wall-clock seconds, has come down to 0.
        """
        with self._changed:
            checked = 0
            while not stop.is_set():
                fresh = min(self._observed - checked, len(self._recent))
                for event in islice(self._recent, len(self._recent) - fresh, None):
                    if matches(when, event):
                        return event
                checked = self._observed
                left = remaining()
                if left <= 0:
                    return None
                self._clock.wait_notified(self._changed, min(left, _POLL))
            return None
