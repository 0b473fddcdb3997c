"""Pipes through which the kernel moves bytes from socket to socket without copying them.

A link borrows a pipe for the length of one `splice` into it and one out of it, and keeps it
only while the receiver is too slow to take everything. So the number of pipes follows the
number of blocked receivers, not the number of connections: idle ones cost nothing.
"""

import fcntl
import os
from contextlib import suppress
from typing import Final

AVAILABLE: Final = hasattr(os, "splice")
PIPE_BYTES: Final = 1 << 20
KEPT: Final = 16
_F_SETPIPE_SZ: Final = 1031


class Pipe:
    """Two descriptors, and how many bytes lie between them."""

    __slots__ = ("held", "reader", "writer")

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.held = 0
        with suppress(OSError):  # a smaller pipe only means more system calls
            fcntl.fcntl(self.writer, _F_SETPIPE_SZ, PIPE_BYTES)

    def close(self) -> None:
        """Give the descriptors back, and with them whatever is inside."""
        os.close(self.reader)
        os.close(self.writer)


class PipePool:
    """Lends empty pipes."""

    def __init__(self) -> None:
        self._idle: list[Pipe] = []

    def take(self) -> Pipe | None:
        """Return an empty pipe, None if there are no descriptors for one."""
        try:
            return self._idle.pop() if self._idle else Pipe()
        except OSError:
            return None

    def give(self, pipe: Pipe) -> None:
        """Take a pipe back."""
        if pipe.held or len(self._idle) >= KEPT:
            pipe.close()
        else:
            self._idle.append(pipe)
