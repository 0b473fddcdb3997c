"""The load's own writer of events: buffered, because it is called for every request.

An event costs a few microseconds (benchmarks/load.py) and is on disk within `FLUSH_EVERY`, so a
kill -9 of the load process loses what happened in the last tenth of a second, and nothing else:
what the kernel was given survives the process. A run whose load was killed lacks its `finished`
event. A full disk raises `RecorderError`; whoever drives the load must then stop it, because load
that is not recorded would turn up in the final reads as records that nobody asked for.
"""

import os
from pathlib import Path
from time import monotonic
from typing import Protocol

import msgspec

from harness.errors import HarnessError
from harness.history import Event, Generator

FLUSH_EVERY = 0.1
"""Real seconds between an event and the disk, at most."""

_FULL = 1 << 18


class RecorderError(HarnessError):
    """The record could not be written."""


class Sink(Protocol):
    """Where whole lines go."""

    def put(self, lines: bytes) -> None:
        """Take `lines`.

        Raises:
            RecorderError: they could not be taken; says what to do.
        """

    def put_beside(self, line: bytes) -> None:
        """Take a last line somewhere else, if there is a place for it, after `put` has failed."""

    def close(self) -> None:
        """Nothing more will come."""


class PartFile:
    """A part of the history on this machine's disk; one that is there is continued."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecorderError(f"{path}: cannot be written: {error.strerror}") from error

    def put(self, lines: bytes) -> None:
        """Hand `lines` to the kernel.

        Raises:
            RecorderError: the disk is full, or whatever else the system says.
        """
        view = memoryview(lines)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise RecorderError(
                f"{self.path}: cannot be written ({error.strerror}): free space and run again"
            ) from error

    def put_beside(self, line: bytes) -> None:
        """The part is full and its last line cut: another file says so, or else the exit code."""
        beside = self.path.with_name(f"{self.path.stem}-died.jsonl")
        try:
            beside.write_bytes(line)
        except OSError:
            beside.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Recorder:
    """Appends events to one part. For one thread, or for greenlets, that never block in here."""

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
        # Also here, not only from a timer: a busy loop must not hold lines back.
        if len(self._buffer) > _FULL or monotonic() - self._flushed > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Hand on everything.

        Raises:
            RecorderError: the sink's.
        """
        self._flushed = monotonic()
        lines = bytes(self._buffer)
        self._buffer.clear()
        if not lines:
            return
        try:
            self._sink.put(lines)
        except RecorderError:
            self.failed = True
            raise

    def close(self, last: Generator | None = None) -> None:
        """Write `last` and close. After a failure, `last` is written wherever there is room."""
        if not self._open:
            return
        try:
            if not self.failed:
                if last is not None:
                    self.write(last)
                self.flush()
        except RecorderError:
            self._put_beside(last)
            raise
        else:
            if self.failed:
                self._put_beside(last)
        finally:
            self._sink.close()
            self._open = False

    def _put_beside(self, last: Generator | None) -> None:
        if last is not None:
            died = msgspec.structs.replace(last, state="died")
            self._sink.put_beside(self._encoder.encode(died) + b"\n")
