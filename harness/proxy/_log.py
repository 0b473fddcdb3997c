"""JSON log lines on standard output, in Toxiproxy's format.

Logging never blocks the server: while the pipe behind standard output is full, lines are dropped.
The next line that can be written reports their number as `lines_dropped_before`.
"""

import json
import os
import select
import time
from typing import Any, Final

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")
_MAX_LINE_BYTES: Final = 4000
"""A pipe that is ready for writing takes this many bytes without blocking (PIPE_BUF is 4096)."""


class Log:
    """Writes log lines to a descriptor.

    Args:
        fd: The descriptor, by default standard output.
        level: Lines below this level are not written; an unknown name means "info".
    """

    def __init__(self, fd: int = 1, level: str = "info") -> None:
        self._fd = fd
        self._min_level = LEVELS.index(level) if level in LEVELS else LEVELS.index("info")
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._dropped = 0

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        """Write a line, or drop it if it cannot be written without blocking."""
        if LEVELS.index(level) < self._min_level:
            return
        now = time.time()
        stamp = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        )
        entry = {"level": level, "event": event, **fields, "time": stamp}
        if self._dropped:
            entry["lines_dropped_before"] = self._dropped
        line = _encode(entry)
        if len(line) > _MAX_LINE_BYTES:
            line = _encode({name: _shorten(value) for name, value in entry.items()})
        if len(line) > _MAX_LINE_BYTES:
            line = _encode({"level": level, "event": event, "time": stamp})
        try:
            if self._poll.poll(0) and os.write(self._fd, line):
                self._dropped = 0
                return
        except OSError:
            pass  # a closed pipe must not stop the server either
        self._dropped += 1


def _encode(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, ensure_ascii=False, default=str) + "\n"
    return text.encode("utf-8", "replace")


def _shorten(value: Any) -> Any:
    """Keep the end of a long text, which is the most useful part of a traceback."""
    return f"...{value[-400:]}" if isinstance(value, str) and len(value) > 400 else value
