"""The event loop: one thread, one `epoll`, timers to a fraction of a millisecond.

    loop.watch(fd, READ, handler)     handler(events) runs whenever the descriptor is ready
    loop.call_at(when, callback)      a timer, on the clock of `loop.time()`
    loop.call_soon(callback)          after the events at hand
    loop.run()                        until `loop.stop()`

Why not asyncio: a proxied byte costs one wake-up and two system calls here, timers are not
rounded to milliseconds (a delay of 100 ms means 100.1, not 101), and the control API can be
given priority: descriptors watched as `urgent` are looked at between any two batches of data
events, which is what keeps an API call short while a thousand connections are busy. It also
starts in a third of the time.

Everything in the server runs on this one thread. That is the whole locking story: a change to
a chain of toxics is a plain function call that cannot wait for anybody.
"""

import heapq
import select
import socket
import time
import traceback
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Final

from harness.proxy._poller import Poller, make_poller

READ: Final = 1
WRITE: Final = 4
TROUBLE: Final = 8 | 16
"""The peer reset the connection (8), or both directions are closed (16); always reported."""

BATCH: Final = 64
"""Events, timers and soon-callbacks handled before urgent descriptors are looked at again."""

LONGEST_BATCH_S: Final = 0.005
"""They are looked at even sooner when handlers take so long."""

LONGEST_WAIT_S: Final = 3600.0
"""epoll takes no more than 2**31 milliseconds; a timer may be years away."""

Handler = Callable[[int], None]
Callback = Callable[[], None]


class Timer:
    """A callback that will run once, unless cancelled."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callback) -> None:
        self.when = when
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Make sure that the callback does not run; safe to call at any time."""
        self.callback = None


class Loop:
    """Runs handlers of ready descriptors, and timers that are due."""

    time = staticmethod(time.monotonic)

    def __init__(self, on_error: Callable[[str], None] | None = None) -> None:
        self._on_error = on_error
        self._poller: Poller = make_poller()
        self._urgent: Poller | None = make_poller() if self._poller.nests else None
        self._urgent_fd = -1
        if self._urgent is not None:
            self._urgent_fd = self._urgent.fileno()
            self._poller.register(self._urgent_fd, READ)
        self._home: dict[int, Poller] = {}
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._compact_at = 1024
        self._order = count()
        self._soon: deque[Callback] = deque()
        self._fresh: set[int] = set()
        """Descriptors that are watched since the events at hand were collected."""
        self._looked_at = 0.0
        self._stopped = False

    def watch(self, fd: int, events: int, handler: Handler, *, urgent: bool = False) -> None:
        """Call `handler` whenever one of `events` (or trouble) is seen on `fd`."""
        poller = self._urgent if urgent and self._urgent is not None else self._poller
        poller.register(fd, events)
        if poller is not self._poller:
            self._home[fd] = poller
        self._handlers[fd] = handler
        self._fresh.add(fd)

    def change(self, fd: int, events: int) -> None:
        """Watch `fd` for other events than before."""
        self._home.get(fd, self._poller).modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching `fd`, which stays open."""
        if self._handlers.pop(fd, None) is not None:
            self._home.pop(fd, self._poller).unregister(fd)

    def close(self, sock: socket.socket) -> None:
        """Stop watching a socket, if it is watched, and close it."""
        fd = sock.fileno()
        if self._handlers.pop(fd, None) is not None:
            poller = self._home.pop(fd, self._poller)
            if not poller.forgets_closed:
                poller.unregister(fd)
        sock.close()

    def call_at(self, when: float, callback: Callback) -> Timer:
        """Run `callback` at `when`, on the clock of `time()`."""
        if len(self._timers) >= self._compact_at:
            # Cancelled timers stay in the heap until they are due: throw them out in bulk.
            self._timers = [entry for entry in self._timers if entry[2].callback is not None]
            heapq.heapify(self._timers)
            self._compact_at = max(1024, 2 * len(self._timers))
        timer = Timer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callback) -> None:
        """Run `callback` after the events at hand."""
        self._soon.append(callback)

    def stop(self) -> None:
        """Let `run` return after the event at hand."""
        self._stopped = True

    def run(self) -> None:
        """Handle events until `stop` is called."""
        while not self._stopped:
            self._fresh.clear()
            events = self._wait()
            self._looked_at = time.monotonic()
            self._dispatch(events)
            if len(events) >= BATCH:
                self._look_at_urgent()
            if self._soon:
                for _ in range(min(len(self._soon), BATCH)):
                    self._call(self._soon.popleft())
            if self._timers:
                self._run_timers()

    def _dispatch(self, events: list[tuple[int, int]]) -> None:
        handlers, fresh = self._handlers, self._fresh
        for fd, mask in events:
            # A handler earlier in this batch may have closed the descriptor, and a new one may
            # have taken its number: the event is none of its. One that is will be told again.
            if fd in fresh:
                continue
            handler = handlers.get(fd)
            if handler is not None:
                try:
                    handler(mask)
                except Exception:  # noqa: BLE001  (an error of ours must not end the server)
                    self.forget(fd)  # or it would be announced, and fail, for ever
                    self._tell()
                if time.monotonic() - self._looked_at > LONGEST_BATCH_S:
                    self._look_at_urgent()
            elif fd == self._urgent_fd:
                self._look_at_urgent()

    def _look_at_urgent(self) -> None:
        if self._urgent is not None:
            # First, so that handlers of urgent descriptors that are slow do not look again.
            self._looked_at = float("inf")
            self._dispatch(self._urgent.poll(0.0, BATCH))
            self._looked_at = time.monotonic()

    def _wait(self) -> list[tuple[int, int]]:
        if self._soon:
            return self._poller.poll(0.0, BATCH)
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        if not timers:
            return self._poller.poll(-1, BATCH)
        left = timers[0][0] - time.monotonic()
        if left <= 0:
            return self._poller.poll(0.0, BATCH)
        if left > 0.002 or not self._poller.fine:
            # epoll counts whole milliseconds, rounded up: wake one early, then wait exactly.
            coarse = max(left - 0.001, 0.001) if self._poller.fine else left
            return self._poller.poll(min(coarse, LONGEST_WAIT_S), BATCH)
        if select.select([self._poller.fileno()], [], [], left)[0]:
            return self._poller.poll(0.0, BATCH)
        return []

    def _run_timers(self) -> None:
        now = time.monotonic()
        for _ in range(BATCH):
            if not self._timers or self._timers[0][0] > now:
                return
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is not None:
                callback, timer.callback = timer.callback, None
                self._call(callback)

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception:  # noqa: BLE001  (as for handlers)
            self._tell()
        if time.monotonic() - self._looked_at > LONGEST_BATCH_S:
            self._look_at_urgent()

    def _tell(self) -> None:
        if self._on_error is None:
            raise  # noqa: PLE0704  (called where an error is handled)
        self._on_error(traceback.format_exc())
