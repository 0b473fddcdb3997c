"""Histories on disk: JSON lines, appended live by several processes, merged by time at the end.

During a run each process appends to its own part, `parts/NAME.jsonl`. `merge` sorts the events of
all parts by time and numbers them; the result is `history.jsonl`. In a part, a last line that was
cut short by a kill or a full disk is expected, and only that line is lost. A damaged line elsewhere
is left out and counted by `damaged`, because an incomplete history proves nothing. `history.jsonl`
is written atomically, so there a truncated last line and a gap in the numbers count as damage too.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO

import msgspec

from harness.files import write_file

from ._events import AnyEvent, Event

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


class Writer:
    """Appends events to one part. Thread-safe; every line is passed to the system unbuffered."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._lock = Lock()

    def write(self, event: Event) -> None:
        """Append `event`.

        Raises:
            OSError: the line cannot be written; the part then ends with the previous line.
        """
        line = memoryview(_encoder.encode(event) + b"\n")
        with self._lock:
            begin = self._file.tell()
            try:
                while line:  # a disk that is nearly full accepts only a part of the line
                    line = line[self._file.write(line) :]
            except OSError:
                with suppress(OSError):  # otherwise the next event would continue half a line
                    self._file.truncate(begin)
                    self._file.seek(begin)
                raise

    def close(self) -> None:
        """Close the part; further writes raise ValueError."""
        self._file.close()


def encode(event: Event) -> bytes:
    """Return `event` as one JSON line without the newline."""
    return _encoder.encode(event)


def decode(line: bytes) -> AnyEvent:
    """Return the event on `line`.

    Raises:
        ValueError: not UTF-8, not JSON (msgspec.DecodeError), or not an event (ValidationError).
    """
    return _decoder.decode(line)


def read_lines(path: Path) -> Iterator[AnyEvent]:
    """Iterate over the events of one file in file order; damaged lines are left out."""
    return (event for event in _decode_lines(path) if event is not None)


def read_whole(path: Path) -> tuple[list[AnyEvent], int]:
    """Return the events of a `history.jsonl`, and how many are missing from it."""
    found = list(_decode_lines(path, truncated_is_damaged=True))
    events = [event for event in found if event is not None]
    numbered = max((event.index for event in events), default=-1) + 1
    return events, max(len(found), numbered) - len(events)


def _decode_lines(path: Path, *, truncated_is_damaged: bool = False) -> Iterator[AnyEvent | None]:
    """Yield the event of each line, or None for a damaged line.

    A truncated last line is skipped, unless `truncated_is_damaged`.
    """
    with path.open("rb") as file:
        for line in file:
            try:
                yield _decoder.decode(line)
            # Not JSON, not an event, not UTF-8, or nested too deeply for the decoder.
            except (ValueError, RecursionError):
                if truncated_is_damaged or line.endswith(b"\n"):
                    yield None


def damaged(path: Path) -> int:
    """Return how many complete lines of a file are not events."""
    return sum(event is None for event in _decode_lines(path))


def count_damaged(parts: Iterable[Path]) -> int:
    """Return how many damaged lines `merge` leaves out of `parts`."""
    return sum(map(damaged, parts))


def merge(parts: Iterable[Path]) -> list[AnyEvent]:
    """Return the events of `parts` sorted by time and numbered from 0.

    Events at the same time keep the order of the parts. Damaged lines are left out; see
    `count_damaged`.
    """
    events = [event for part in parts for event in read_lines(part)]
    events.sort(key=lambda event: event.t)
    return [msgspec.structs.replace(event, index=index) for index, event in enumerate(events)]


def write_history(path: Path, events: Iterable[Event]) -> None:
    """Write a whole history atomically: readers see the old file or the complete new one."""
    write_file(path, (_encoder.encode(event) + b"\n" for event in events))
