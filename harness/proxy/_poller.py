"""Which descriptors are ready: `epoll` where there is one, `poll` elsewhere (macOS, BSD).

`make_poller()` returns the better of the two. Event masks are those of `epoll`; `poll` uses the
same bits for the four that matter here.
"""

import select
from typing import Protocol


class Poller(Protocol):
    """What the loop needs of either."""

    nests: bool
    """Can be watched by another poller."""
    forgets_closed: bool
    """Closing a descriptor is enough to have it forgotten, which saves a system call."""
    fine: bool
    """Can be waited for with `select`, which takes fractions of a millisecond."""

    def register(self, fd: int, events: int) -> None:
        """Watch a descriptor."""

    def modify(self, fd: int, events: int) -> None:
        """Watch it for other events."""

    def unregister(self, fd: int) -> None:
        """Stop watching it."""

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        """Take seconds to wait at most (-1: no limit); return what is ready."""

    def fileno(self) -> int:
        """Return the poller's own descriptor, -1 if it has none."""


class EpollPoller:
    """Costs the same for one descriptor as for ten thousand."""

    nests = True
    forgets_closed = True

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister
        self.poll = self._epoll.poll
        self.fileno = self._epoll.fileno
        self.fine = self.fileno() < 1024  # the highest descriptor that select() can take


class PollPoller:
    """The portable fallback: slower with many connections, and timers to a millisecond."""

    nests = False
    forgets_closed = False
    fine = False

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        """Wait; the seconds become whole milliseconds, rounded up."""
        del most  # poll() reports everything at once
        return self._poll.poll(None if timeout < 0 else -int(-timeout * 1000 // 1))

    def fileno(self) -> int:
        """Return -1: there is no descriptor to nest."""
        return -1


def make_poller() -> Poller:
    """Return the best poller of this platform."""
    return EpollPoller() if hasattr(select, "epoll") else PollPoller()
