"""The event loop: one thread, one `epoll`, timers exact to a fraction of a millisecond.

    loop.watch(fd, READ, handler)     # handler(events) runs whenever the descriptor is ready
    loop.call_at(when, callback)      # a timer, on the clock of `loop.time()`
    loop.call_soon(callback)          # runs after the current events
    loop.run()                        # until `loop.stop()`

Why not asyncio: here a proxied byte costs one wake-up and two system calls, timers are not
rounded to milliseconds (a delay of 100 ms takes 100.1 ms, not 101), and the control API has
priority. Descriptors watched as `urgent` are polled between any two batches of data events, which
keeps API calls short while a thousand connections are busy. The server also starts in a third of
the time.

All code of the server runs on this one thread, so there are no locks: a change to a chain of
toxics is a plain function call that cannot block.
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
HANGUP: Final = 8 | 16
"""EPOLLERR (8): the peer reset the connection; EPOLLHUP (16): both directions are closed. Both are
always reported."""

BATCH_SIZE: Final = 64
"""Events, timers or `call_soon` callbacks that are handled between two polls of urgent
descriptors."""

MAX_BATCH_S: Final = 0.005
"""Urgent descriptors are polled sooner if handlers have taken this many wall-clock seconds."""

MAX_WAIT_S: Final = 3600.0
"""Longest wait in wall-clock seconds: epoll takes at most 2**31 ms, a timer may be years away."""

Handler = Callable[[int], None]
Callback = Callable[[], None]


class Timer:
    """A callback that runs once, at `when` on the loop's clock, unless it is cancelled."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callback) -> None:
        self.when = when
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Prevent the callback from running; may be called at any time, more than once."""
        self.callback = None


class Loop:
    """Runs handlers of ready descriptors, and callbacks of timers that are due.

    Args:
        on_error: Called with the traceback of an exception in a handler or callback; without it,
            `run` raises the exception.
    """

    time = staticmethod(time.monotonic)

    def __init__(self, on_error: Callable[[str], None] | None = None) -> None:
        self._on_error = on_error
        self._poller: Poller = make_poller()
        self._urgent: Poller | None = make_poller() if self._poller.can_nest else None
        self._urgent_fd = -1
        if self._urgent is not None:
            self._urgent_fd = self._urgent.fileno()
            self._poller.register(self._urgent_fd, READ)
        self._poller_of: dict[int, Poller] = {}
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._compact_at = 1024
        self._order = count()
        self._soon: deque[Callback] = deque()
        self._newly_watched: set[int] = set()
        """Descriptors watched since the current events were collected."""
        self._urgent_polled_at = 0.0
        self._stopped = False

    def watch(self, fd: int, events: int, handler: Handler, *, urgent: bool = False) -> None:
        """Call `handler` with the events whenever one of `events`, or HANGUP, is reported on `fd`.

        Args:
            fd: The descriptor.
            events: READ, WRITE, both, or 0 for HANGUP only.
            handler: Called with the mask of reported events.
            urgent: Poll the descriptor between any two batches of other events.
        """
        poller = self._urgent if urgent and self._urgent is not None else self._poller
        poller.register(fd, events)
        if poller is not self._poller:
            self._poller_of[fd] = poller
        self._handlers[fd] = handler
        self._newly_watched.add(fd)

    def modify(self, fd: int, events: int) -> None:
        """Change the events that `fd` is watched for."""
        self._poller_of.get(fd, self._poller).modify(fd, events)

    def unwatch(self, fd: int) -> None:
        """Stop watching `fd`, which stays open."""
        if self._handlers.pop(fd, None) is not None:
            self._poller_of.pop(fd, self._poller).unregister(fd)

    def close(self, sock: socket.socket) -> None:
        """Stop watching a socket, if it is watched, and close it."""
        fd = sock.fileno()
        if self._handlers.pop(fd, None) is not None:
            poller = self._poller_of.pop(fd, self._poller)
            if not poller.drops_closed:
                poller.unregister(fd)
        sock.close()

    def call_at(self, when: float, callback: Callback) -> Timer:
        """Run `callback` at `when`, on the clock of `time()`."""
        if len(self._timers) >= self._compact_at:
            # Cancelled timers stay in the heap until they are due, so they are removed in bulk.
            self._timers = [entry for entry in self._timers if entry[2].callback is not None]
            heapq.heapify(self._timers)
            self._compact_at = max(1024, 2 * len(self._timers))
        timer = Timer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callback) -> None:
        """Run `callback` after the current events."""
        self._soon.append(callback)

    def stop(self) -> None:
        """Make `run` return after the current round of events."""
        self._stopped = True

    def run(self) -> None:
        """Handle events until `stop` is called."""
        while not self._stopped:
            self._newly_watched.clear()
            events = self._wait()
            self._urgent_polled_at = time.monotonic()
            self._dispatch(events)
            if len(events) >= BATCH_SIZE:
                self._poll_urgent()
            if self._soon:
                for _ in range(min(len(self._soon), BATCH_SIZE)):
                    self._call(self._soon.popleft())
            if self._timers:
                self._run_timers()

    def _dispatch(self, events: list[tuple[int, int]]) -> None:
        handlers, newly_watched = self._handlers, self._newly_watched
        for fd, mask in events:
            # A handler earlier in this batch may have closed the descriptor, and a new one may
            # have got its number: the event is not for the new one. An event that is for it
            # will be reported again.
            if fd in newly_watched:
                continue
            handler = handlers.get(fd)
            if handler is not None:
                try:
                    handler(mask)
                except Exception:  # noqa: BLE001  (a bug in a handler must not end the server)
                    self.unwatch(fd)  # or the event would be reported, and fail, for ever
                    self._report_error()
                if time.monotonic() - self._urgent_polled_at > MAX_BATCH_S:
                    self._poll_urgent()
            elif fd == self._urgent_fd:
                self._poll_urgent()

    def _poll_urgent(self) -> None:
        if self._urgent is not None:
            # Set first, so that slow handlers of urgent descriptors do not poll again.
            self._urgent_polled_at = float("inf")
            self._dispatch(self._urgent.poll(0.0, BATCH_SIZE))
            self._urgent_polled_at = time.monotonic()

    def _wait(self) -> list[tuple[int, int]]:
        if self._soon:
            return self._poller.poll(0.0, BATCH_SIZE)
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        if not timers:
            return self._poller.poll(-1, BATCH_SIZE)
        left = timers[0][0] - time.monotonic()
        if left <= 0:
            return self._poller.poll(0.0, BATCH_SIZE)
        if left > 0.002 or not self._poller.selectable:
            # epoll counts whole milliseconds, rounded up: wake up one early, then use select.
            coarse = max(left - 0.001, 0.001) if self._poller.selectable else left
            return self._poller.poll(min(coarse, MAX_WAIT_S), BATCH_SIZE)
        if select.select([self._poller.fileno()], [], [], left)[0]:
            return self._poller.poll(0.0, BATCH_SIZE)
        return []

    def _run_timers(self) -> None:
        now = time.monotonic()
        for _ in range(BATCH_SIZE):
            if not self._timers or self._timers[0][0] > now:
                return
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is not None:
                callback, timer.callback = timer.callback, None
                self._call(callback)

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception:  # noqa: BLE001  (as in _dispatch)
            self._report_error()
        if time.monotonic() - self._urgent_polled_at > MAX_BATCH_S:
            self._poll_urgent()

    def _report_error(self) -> None:
        if self._on_error is None:
            raise  # noqa: PLE0704  (called only in except blocks)
        self._on_error(traceback.format_exc())
