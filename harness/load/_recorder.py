"""The writer of events in load processes: buffered, because it is called for every request.

An event costs a few microseconds (benchmarks/load.py) and is written within `FLUSH_EVERY`. So a
kill -9 of the load process loses the events of the last tenth of a second and nothing else: data
that the kernel has survives the process. A run whose load was killed lacks its `finished` event. A
full disk raises `RecorderError`, and the load must then stop: requests that are not recorded would
appear in the final reads as invented records.
"""

import os
from pathlib import Path
from time import monotonic
from typing import Protocol

import msgspec

from harness.errors import HarnessError
from harness.history import Event, Generator

FLUSH_EVERY = 0.1
"""Wall-clock seconds after which an event is written, at most."""

_FULL = 1 << 18


class RecorderError(HarnessError):
    """An event could not be written."""


class Sink(Protocol):
    """A destination of complete lines."""

    def write(self, lines: bytes) -> None:
        """Write complete lines.

        Raises:
            RecorderError: they cannot be written; the message says what to do.
        """

    def write_apart(self, line: bytes) -> None:
        """Write a last line to another place, if there is one, after `write` has failed."""

    def close(self) -> None:
        """Release the destination."""


class PartFile:
    """A file with a part of the history; an existing file is appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecorderError(f"{path}: cannot be written: {error.strerror}") from error

    def write(self, lines: bytes) -> None:
        """Write `lines` unbuffered.

        Raises:
            RecorderError: the disk is full, or another error of the operating system.
        """
        view = memoryview(lines)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise RecorderError(
                f"{self.path}: cannot be written ({error.strerror}): free space and run again"
            ) from error

    def write_apart(self, line: bytes) -> None:
        """Write `line` to a file beside the part, whose last line may be incomplete.

        If that fails as well, the exit code reports the loss.
        """
        beside = self.path.with_name(f"{self.path.stem}-died.jsonl")
        try:
            beside.write_bytes(line)
        except OSError:
            beside.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Recorder:
    """Appends events to one part. For a single thread, or greenlets, which never switch in here."""

    def __init__(self, part: Path | Sink) -> None:
        self._sink: Sink = PartFile(part) if isinstance(part, Path) else part
        self._open = True
        self._buffer = bytearray()
        self._encoder = msgspec.json.Encoder()
        self._flushed = monotonic()
        self.failed = False

    def write(self, event: Event) -> None:
        """Append `event`.

        Raises:
            RecorderError: it, or one before it, could not be written.
        """
        if self.failed:
            raise RecorderError("an earlier event could not be written")
        self._encoder.encode_into(event, self._buffer, -1)
        self._buffer += b"\n"
        # Not only by a timer, because a busy event loop would delay it.
        if len(self._buffer) > _FULL or monotonic() - self._flushed > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write everything that is buffered.

        Raises:
            RecorderError: it cannot be written.
        """
        self._flushed = monotonic()
        lines = bytes(self._buffer)
        self._buffer.clear()
        if not lines:
            return
        try:
            self._sink.write(lines)
        except RecorderError:
            self.failed = True
            raise

    def close(self, last: Generator | None = None) -> None:
        """Write `last` and close; after a failure, write it where the sink has room."""
        if not self._open:
            return
        try:
            if not self.failed:
                if last is not None:
                    self.write(last)
                self.flush()
        except RecorderError:
            self._write_apart(last)
            raise
        else:
            if self.failed:
                self._write_apart(last)
        finally:
            self._sink.close()
            self._open = False

    def _write_apart(self, last: Generator | None) -> None:
        if last is not None:
            died = msgspec.structs.replace(last, state="died")
            self._sink.write_apart(self._encoder.encode(died) + b"\n")
