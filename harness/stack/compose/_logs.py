"""The lines that a container writes, each with the engine's time stamp."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any

import docker

from ._engine import ENGINE_ERRORS

OnLine = Callable[[bytes, float], None]


class Log:
    """Follows the log of one container in a thread, from its start to its end.

    The lines are also written to `path`, which outlives the container.
    """

    def __init__(
        self, client: docker.DockerClient, container: str, path: Path, on_line: OnLine
    ) -> None:
        self._client, self._container, self._path = client, container, path
        self._on_line = on_line
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
        if self._thread is not None and self._thread.is_alive() and self._stream is not None:
            with suppress(*ENGINE_ERRORS, AttributeError):
                self._stream.close()
        self.await_end(5.0)

    def _run(self) -> None:
        with suppress(*ENGINE_ERRORS, ValueError):
            # Read from the beginning, because the engine's `since` has a resolution of a second.
            self._stream = self._client.api.logs(
                self._container, stream=True, follow=True, timestamps=True
            )
            seen = self._last
            with self._path.open("ab") as file:
                for stamp, line in stamped_lines(self._stream):
                    if stamp <= seen:
                        continue
                    self._last = max(self._last, stamp)  # lines of stdout and stderr may cross
                    file.write(line + b"\n")
                    file.flush()
                    self._on_line(line, _unix(stamp))
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
    if begun:
        yield first, begun


def _unix(stamp: bytes) -> float:
    """Return `2026-11-25T02:43:39.138640331Z` as Unix time; datetime cannot read nine digits."""
    whole, _, fraction = stamp.decode().removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(f"{whole}+00:00").timestamp()
    return seconds + float(f"0.{fraction or 0}")
