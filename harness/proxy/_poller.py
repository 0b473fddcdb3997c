"""Polls descriptors: with `epoll` on Linux, with `poll` elsewhere (macOS, BSD).

`make_poller()` returns the better of the two. Event masks are those of `epoll`; `poll` uses the
same bits for the four events that the server needs.
"""

import select
from typing import Protocol


class Poller(Protocol):
    """What the loop needs of a poller."""

    can_nest: bool
    """Whether another poller can watch this one."""
    drops_closed: bool
    """Whether closing a descriptor also unregisters it, which saves a system call."""
    selectable: bool
    """Whether `select` can wait for the poller, with a timeout in fractions of a millisecond."""

    def register(self, fd: int, events: int) -> None:
        """Watch a descriptor for events."""

    def modify(self, fd: int, events: int) -> None:
        """Change the events that a descriptor is watched for."""

    def unregister(self, fd: int) -> None:
        """Stop watching a descriptor."""

    def poll(self, timeout: float, max_events: int) -> list[tuple[int, int]]:
        """Wait for events; return (descriptor, mask) pairs.

        Args:
            timeout: Longest wait in wall-clock seconds; -1 means no limit.
            max_events: Largest number of pairs to return, if the poller has such a limit.
        """

    def fileno(self) -> int:
        """Return the poller's own descriptor, -1 if it has none."""


class EpollPoller:
    """`epoll`, whose cost does not grow with the number of watched descriptors."""

    can_nest = True
    drops_closed = True

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister
        self.poll = self._epoll.poll
        self.fileno = self._epoll.fileno
        self.selectable = self.fileno() < 1024  # select() takes no higher descriptors


class PollPoller:
    """`poll`, the portable fallback: slower with many connections, timers exact to 1 ms."""

    can_nest = False
    drops_closed = False
    selectable = False

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout: float, max_events: int) -> list[tuple[int, int]]:
        """Wait for events; the timeout is rounded up to whole milliseconds."""
        del max_events  # poll() always reports all events
        return self._poll.poll(None if timeout < 0 else -int(-timeout * 1000 // 1))

    def fileno(self) -> int:
        """Return -1, because `poll` has no descriptor of its own."""
        return -1


def make_poller() -> Poller:
    """Return an `EpollPoller` where the platform has `epoll`, else a `PollPoller`."""
    return EpollPoller() if hasattr(select, "epoll") else PollPoller()
