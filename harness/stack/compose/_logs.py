"""The lines that a container writes, each with the engine's time stamp."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from math import inf
from pathlib import Path
from threading import Thread
from typing import Any

import docker

from .._log_files import LogWriter
from ._engine import ENGINE_ERRORS

OnLine = Callable[[bytes, float], None]

_MAX_LINE = 1 << 20
"""Bytes after which a line is split: a service that writes no newline must not use up memory."""

_MAX_DELAY = 5.0
"""Wall-clock seconds by which reading may be behind at the end without lines being lost."""

_BUSY = 1.0
"""Wall-clock seconds since the last line within which reading counts as under way."""


class Log:
    """Follows the log of one container in a thread, from its start to its end.

    The lines are also written to `path`, which outlives the container, up to a limit. `on_lost` is
    called if lines were not read, because the engine failed or reading was behind at the end.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        container: str,
        path: Path,
        on_line: OnLine,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._client, self._container, self._path = client, container, path
        self._on_line, self._on_lost = on_line, on_lost
        self._closing = False
        self._read_at = self._delay = 0.0
        """Unix time at which the last line was read, and how long after it was written."""
        self._least_delay = inf
        """The engine's clock may differ from this one by so much."""
        self._last = b""
        self._stream: Any = None
        self._thread: Thread | None = None

    def follow(self) -> None:
        """Start following, also after the container was started again."""
        self.await_end(5.0)
        self._thread = Thread(target=self._run, name="container-log", daemon=True)
        self._thread.start()

    def await_end(self, limit: float) -> None:
        """Wait until all output of an ended container is read; at most `limit` seconds."""
        if self._thread is not None:
            self._thread.join(limit)

    def close(self) -> None:
        """Stop reading."""
        self._closing = True
        if self._is_behind():
            self._on_lost()
        if self._thread is not None and self._thread.is_alive() and self._stream is not None:
            with suppress(*ENGINE_ERRORS, AttributeError):
                self._stream.close()
        self.await_end(5.0)

    def _is_behind(self) -> bool:
        is_reading = self._thread is not None and self._thread.is_alive()
        is_busy = time.time() - self._read_at < _BUSY
        return is_reading and is_busy and self._delay - self._least_delay > _MAX_DELAY

    def _run(self) -> None:
        try:
            self._read()
        except (*ENGINE_ERRORS, ValueError):
            if not self._closing:  # closing the stream raises an error, too
                self._on_lost()

    def _read(self) -> None:
        # Read from the beginning, because the engine's `since` has a resolution of a second.
        self._stream = self._client.api.logs(
            self._container, stream=True, follow=True, timestamps=True
        )
        seen = self._last
        with closing(LogWriter(self._path)) as file:
            for stamp, line in stamped_lines(self._stream):
                if stamp <= seen:
                    continue
                self._last = max(self._last, stamp)  # lines of stdout and stderr may cross
                file.write([line])
                moment = _unix(stamp)
                self._read_at = time.time()
                self._delay = self._read_at - moment
                self._least_delay = min(self._least_delay, self._delay)
                self._on_line(line, moment)
        self._stream.close()


def stamped_lines(frames: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield time stamp and text of each line; a long line has several frames, each with a stamp."""
    begun, first = b"", b""
    for frame in frames:
        stamp, _, text = frame.partition(b" ")
        first = first or stamp
        begun += text
        if begun.endswith(b"\n"):
            yield first, begun[:-1].rstrip(b"\r")
            begun, first = b"", b""
        elif len(begun) > _MAX_LINE:
            yield first, begun
            begun, first = b"", b""
    if begun:
        yield first, begun


def _unix(stamp: bytes) -> float:
    """Return `2026-11-25T02:43:39.138640331Z` as Unix time; datetime cannot read nine digits."""
    whole, _, fraction = stamp.decode().removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(f"{whole}+00:00").timestamp()
    return seconds + float(f"0.{fraction or 0}")
