"""Records the events of a run that arise in the harness's own process.

Events of the runner, of faults and of the stack arrive here. Each is written to disk at once and
passed to the observers. The load generator's processes write parts of their own.
"""

from collections.abc import Callable
from pathlib import Path
from threading import RLock

import msgspec

from harness.clock import Clock
from harness.history import AnyEvent, Event, Node, Writer, parse_line

from ._observers import Observers


class Recorder:
    """Writes events to one part of the history. Thread-safe.

    `t` of an event counts from the epoch, which `begin` sets; the recorder fills it in. Events that
    arrive earlier, while the stack starts, are buffered until then, and get a negative `t`.
    """

    def __init__(self, part: Path, clock: Clock) -> None:
        self._clock = clock
        self._writer = Writer(part)
        self._lock = RLock()
        self._epoch: float | None = None
        self._buffered: list[tuple[float, Event]] = []
        self._observers = Observers[Event]()

    @property
    def has_begun(self) -> bool:
        """Return True if the epoch, which is `t` = 0, is set."""
        return self._epoch is not None

    @property
    def t(self) -> float:
        """Return the wall-clock seconds since the epoch: negative before it, 0 until it is set."""
        return self._clock.time() - self._epoch if self._epoch is not None else 0.0

    def begin(self, epoch: float, first: Event) -> None:
        """Set `t` = 0 to the Unix time `epoch`; write `first`, then the buffered events."""
        with self._lock:
            self._epoch = epoch
            buffered, self._buffered = self._buffered, []
            self._write(first)
            for moment, event in buffered:
                self._write(msgspec.structs.replace(event, t=moment - epoch))

    def watch(self, observer: Callable[[Event], None]) -> None:
        """Call `observer` with every event from now on, in order; drop it if it raises."""
        self._observers.add(observer)

    def at(self, moment: float, event: Event) -> None:
        """Record `event`, which happened at the Unix time `moment`.

        Raises:
            OSError: the event cannot be written.
        """
        with self._lock:
            if self._epoch is None:
                self._buffered.append((moment, event))
            else:
                self._write(msgspec.structs.replace(event, t=moment - self._epoch))

    def now(self, event: Event) -> None:
        """Record `event` with the present time.

        Raises:
            OSError: the event cannot be written.
        """
        self.at(self._clock.time(), event)

    def line(self, service: str, line: bytes, moment: float) -> None:
        """Record a log line of `service` if it is an event (`LineSink` of a stack)."""
        event: AnyEvent | None = parse_line(service, line, 0.0)
        if event is not None:
            self.at(moment, event)

    def node(self, node: Node) -> None:
        """Record a node's change of state; its `t` is Unix time (`NodeSink` of a stack)."""
        self.at(node.t, node)

    def close(self) -> None:
        """Close the part. Events are lost if they are still buffered because no epoch was set."""
        with self._lock:
            self._writer.close()

    def _write(self, event: Event) -> None:
        self._writer.write(event)
        self._observers.notify(event)
