"""Where the events of a run arrive: on disk at once, and at whoever watches the run.

Events that happen while the stack starts are held back until the run's epoch is known; their `t`
is negative. Everything that the conductor, the chaos room and the stack see goes through here;
the load generator writes parts of its own.
"""

from collections.abc import Callable
from pathlib import Path
from threading import RLock
from time import time

import msgspec

from harness.history import AnyEvent, Event, Node, Writer, parse_line

Observer = Callable[[Event], None]


class Recorder:
    """Thread-safe; `t` of an event given to `at` or `now` is filled in here."""

    def __init__(self, part: Path) -> None:
        self._writer = Writer(part)
        self._lock = RLock()
        self._epoch: float | None = None
        self._held: list[tuple[float, Event]] = []
        self._observers: list[Observer] = []

    @property
    def begun(self) -> bool:
        """Whether `t` = 0 is fixed."""
        return self._epoch is not None

    @property
    def t(self) -> float:
        """Seconds of the run so far; negative or 0 before it began."""
        return time() - self._epoch if self._epoch is not None else 0.0

    def begin(self, epoch: float, first: Event) -> None:
        """Fix `t` = 0 at Unix time `epoch`, write `first` and everything held back."""
        with self._lock:
            self._epoch = epoch
            held, self._held = self._held, []
            self._write(first)
            for moment, event in held:
                self._write(msgspec.structs.replace(event, t=moment - epoch))

    def watch(self, observer: Observer) -> None:
        """Call `observer` with every event from now on, in their order."""
        self._observers.append(observer)

    def at(self, moment: float, event: Event) -> None:
        """Record `event`, which happened at Unix time `moment`."""
        with self._lock:
            if self._epoch is None:
                self._held.append((moment, event))
            else:
                self._write(msgspec.structs.replace(event, t=moment - self._epoch))

    def now(self, event: Event) -> None:
        """Record `event`, which happens now."""
        self.at(time(), event)

    def line(self, service: str, line: bytes, moment: float) -> None:
        """Record what `service` logged, if it is an event (`LineSink` of a stack)."""
        event: AnyEvent | None = parse_line(service, line, 0.0)
        if event is not None:
            self.at(moment, event)

    def node(self, node: Node) -> None:
        """Record a node's change; its `t` is Unix time (`NodeSink` of a stack)."""
        self.at(node.t, node)

    def close(self) -> None:
        """Close the part. What was held back because the run never began is gone."""
        with self._lock:
            self._writer.close()

    def _write(self, event: Event) -> None:
        self._writer.write(event)
        for observer in tuple(self._observers):
            try:
                observer(event)
            except (Exception, SystemExit):  # noqa: BLE001 - rich exits where its pipe is closed
                # Who watches, from whatever thread the event came, must not break the record.
                self._observers.remove(observer)
