"""File descriptors: raise their limit, and reserve some of them for clients of the API.

Many proxy clients can use up every descriptor of the process. The API must still work then,
because it is the way to stop them. So some descriptors are opened on /dev/null at the start, and
one of them is closed for each API client that no other descriptor is left for.
"""

import errno
import os
import resource
from contextlib import suppress
from typing import Final

RESERVED: Final = 16
SHORTAGE_ERRNOS: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Errors that go away once another descriptor or buffer is freed."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit of open files to the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS reports a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class DescriptorReserve:
    """Open descriptors that can be freed for API clients."""

    def __init__(self) -> None:
        self._reserved: list[int] = []
        self.refill()

    def release_one(self) -> bool:
        """Close one reserved descriptor; return False if none is left."""
        if not self._reserved:
            return False
        os.close(self._reserved.pop())
        return True

    def refill(self) -> None:
        """Open descriptors until the reserve is full, or no more can be opened."""
        with suppress(OSError):  # the next connection that closes calls this again
            while len(self._reserved) < RESERVED:
                self._reserved.append(os.open(os.devnull, os.O_RDONLY))
