"""Raise the limit of open file descriptors, and reserve some descriptors for the API.

A flood of clients can use up every descriptor of the process. The API must still answer then,
because it is the way to end the flood. So a few descriptors are kept open on /dev/null, and one is
closed for each API client that connects when no other descriptor is free.
"""

import errno
import os
import resource
from contextlib import suppress
from typing import Final

RESERVED: Final = 16
"""How many descriptors are reserved, so how many API clients are served in a shortage."""
SHORTAGE: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Error codes for a lack of descriptors or memory; closing other files or sockets ends it."""


def raise_limit() -> None:
    """Raise the soft limit of open file descriptors to the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS reports a hard limit that it does not allow
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Reserve:
    """Keeps descriptors open, so that they are available when all others are in use."""

    def __init__(self) -> None:
        self._held: list[int] = []
        self.refill()

    def give(self) -> bool:
        """Close one reserved descriptor. Return False if none is left."""
        if not self._held:
            return False
        os.close(self._held.pop())
        return True

    def refill(self) -> None:
        """Reserve descriptors up to `RESERVED`, or as many as the process can open."""
        with suppress(OSError):  # none is free: the server calls this again when one is closed
            while len(self._held) < RESERVED:
                self._held.append(os.open(os.devnull, os.O_RDONLY))
