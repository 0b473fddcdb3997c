"""Write log lines as Toxiproxy does: one JSON object per line on standard output.

    log = Log(level="debug")
    log("info", "proxy_started", proxy="db")

Logging never blocks the server. While the pipe behind standard output is full, lines are dropped;
the next line that can be written carries their number in `lines_dropped_before`.
"""

import json
import os
import select
import time
from typing import Any, Final

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")
_MAX_LINE_BYTES: Final = 4000
"""Longest line, in bytes: a pipe that polls as writable accepts PIPE_BUF (4096) at once."""


class Log:
    """Write log lines to a file descriptor.

    Args:
        fd: The descriptor; 1 is standard output.
        level: The lowest level to write, one of `LEVELS`; any other text means "info".
    """

    def __init__(self, fd: int = 1, level: str = "info") -> None:
        self._fd = fd
        self._min_level = LEVELS.index(level) if level in LEVELS else LEVELS.index("info")
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._dropped = 0

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        """Write a line, or drop it if writing would block or fails.

        Args:
            level: The line's level, one of `LEVELS`.
            event: The name of the event.
            fields: Further fields of the JSON object; long texts are shortened to fit the line.
        """
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
            pass  # A closed pipe must not stop the proxies either.
        self._dropped += 1


def _encode(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, ensure_ascii=False, default=str) + "\n"
    return text.encode("utf-8", "replace")


def _shorten(value: Any) -> Any:
    """Keep the end of a long text: in a traceback, that is the most informative part."""
    return f"...{value[-400:]}" if isinstance(value, str) and len(value) > 400 else value
