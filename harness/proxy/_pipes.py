"""Pipes for `splice`, which moves bytes from socket to socket without copying them.

A link acquires a pipe for one `splice` into it and one out of it, and keeps it longer only while
the receiver does not take all bytes. So the number of pipes grows with the number of blocked
receivers, not with the number of connections.
"""

import fcntl
import os
from contextlib import suppress
from typing import Final

AVAILABLE: Final = hasattr(os, "splice")
PIPE_BYTES: Final = 1 << 20
MAX_IDLE: Final = 16
_F_SETPIPE_SZ: Final = 1031


class Pipe:
    """A kernel pipe; `filled` is the number of bytes in it."""

    __slots__ = ("filled", "reader", "writer")

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.filled = 0
        with suppress(OSError):  # with a smaller pipe, more system calls are needed
            fcntl.fcntl(self.writer, _F_SETPIPE_SZ, PIPE_BYTES)

    def close(self) -> None:
        """Close the pipe and drop the bytes in it."""
        os.close(self.reader)
        os.close(self.writer)


class PipePool:
    """Empty pipes for reuse; at most `MAX_IDLE` stay open while no link uses them."""

    def __init__(self) -> None:
        self._idle: list[Pipe] = []

    def acquire(self) -> Pipe | None:
        """Return an empty pipe, or None if no descriptors are left."""
        try:
            return self._idle.pop() if self._idle else Pipe()
        except OSError:
            return None

    def release(self, pipe: Pipe) -> None:
        """Return a pipe to the pool; one that is not empty is closed."""
        if pipe.filled or len(self._idle) >= MAX_IDLE:
            pipe.close()
        else:
            self._idle.append(pipe)
