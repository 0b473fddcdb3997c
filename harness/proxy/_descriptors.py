"""File descriptors: as many as may be had, and some of them kept back for the API.

A flood of clients can take every descriptor of the process. The API must still be there then,
for it is what the flood can be ended with, so a few descriptors are held open on nothing and
given up, one for each API client, when no other is left.
"""

import errno
import os
import resource
from contextlib import suppress
from typing import Final

RESERVED: Final = 16
SHORTAGE: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Errors that pass when something else is closed."""


def raise_limit() -> None:
    """Allow this process as many descriptors as it may allow itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS reports a limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Reserve:
    """Descriptors that nobody else can take."""

    def __init__(self) -> None:
        self._held: list[int] = []
        self.refill()

    def give(self) -> bool:
        """Free one descriptor; return whether there was one."""
        if not self._held:
            return False
        os.close(self._held.pop())
        return True

    def refill(self) -> None:
        """Hold as many as before again, or as many as can be had."""
        with suppress(OSError):  # the next one that is closed comes back here
            while len(self._held) < RESERVED:
                self._held.append(os.open(os.devnull, os.O_RDONLY))
