"""Log lines: one JSON object each, on standard output, as Toxiproxy writes them.

A log must never stop the server. If nobody reads the pipe behind standard output, lines are
dropped and counted once there is room again.
"""

import json
import os
import select
import time
from typing import Any, Final

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")
_ATOMIC: Final = 4000
"""A pipe that reports room has room for this much (PIPE_BUF is 4096)."""


class Log:
    """Writes lines of at least one level to a descriptor."""

    def __init__(self, fd: int = 1, level: str = "info") -> None:
        self._fd = fd
        self._least = LEVELS.index(level) if level in LEVELS else LEVELS.index("info")
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._dropped = 0

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        """Write a line, or drop it if it cannot be written now."""
        if LEVELS.index(level) < self._least:
            return
        now = time.time()
        stamp = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        )
        entry = {"level": level, "event": event, **fields, "time": stamp}
        if self._dropped:
            entry["lines_dropped_before"] = self._dropped
        line = _encode(entry)
        if len(line) > _ATOMIC:
            line = _encode({name: _shorten(value) for name, value in entry.items()})
        if len(line) > _ATOMIC:
            line = _encode({"level": level, "event": event, "time": stamp})
        try:
            if self._poll.poll(0) and os.write(self._fd, line):
                self._dropped = 0
                return
        except OSError:
            pass  # a closed pipe is no reason to stop proxying either
        self._dropped += 1


def _encode(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, ensure_ascii=False, default=str) + "\n"
    return text.encode("utf-8", "replace")


def _shorten(value: Any) -> Any:
    """Leave the end of a long text, which of a traceback tells most."""
    return f"...{value[-400:]}" if isinstance(value, str) and len(value) > 400 else value
