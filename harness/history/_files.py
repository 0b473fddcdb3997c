"""Histories on disk: JSON lines, appended live by several processes, merged by time at the end.

While a run lasts, each process appends to a part of its own, `parts/NAME.jsonl`. `merge` sorts
the parts by time into `history.jsonl` and numbers the events. A part whose last line was cut
short by a kill or a full disk loses that line only.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import IO

import msgspec

from harness.errors import HarnessError

from ._events import AnyEvent, Event

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


class Writer:
    """Appends events to one part; any thread may call it, and each line is on disk at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._lock = Lock()

    def write(self, event: Event) -> None:
        """Append `event`."""
        line = _encoder.encode(event) + b"\n"
        with self._lock:
            self._file.write(line)

    def close(self) -> None:
        """Close the part; further writes raise ValueError."""
        self._file.close()


def encode(event: Event) -> bytes:
    """`event` as one JSON line, without the line's end."""
    return _encoder.encode(event)


def decode(line: bytes) -> AnyEvent:
    """The event on `line`.

    Raises:
        msgspec.DecodeError: not JSON, or (ValidationError) not an event.
    """
    return _decoder.decode(line)


def read_lines(path: Path) -> Iterator[AnyEvent]:
    """The events of one file, in its order; a last line without an end is left out.

    Raises:
        HarnessError: a line in the middle is not an event.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield _decoder.decode(line)
            except msgspec.DecodeError as error:
                raise HarnessError(f"{path}:{number}: is not an event: {error}") from error


def merge(parts: Iterable[Path]) -> list[AnyEvent]:
    """The events of `parts` by time, numbered from 0; ties keep the order of the parts."""
    events = [event for part in parts for event in read_lines(part)]
    events.sort(key=lambda event: event.t)
    return [msgspec.structs.replace(event, index=index) for index, event in enumerate(events)]


def write_history(path: Path, events: Iterable[Event]) -> None:
    """Write a whole history in one step: readers see the old file or the new one, never half."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        for event in events:
            file.write(_encoder.encode(event) + b"\n")
    draft.replace(path)
