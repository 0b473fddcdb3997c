"""Histories on disk: JSON lines, appended live by several processes, merged by time at the end.

While a run lasts, each process appends to a part of its own, `parts/NAME.jsonl`. `merge` sorts
the parts by time into `history.jsonl` and numbers the events. A part whose last line was cut
short by a kill or a full disk loses that line only; so does one with a damaged line elsewhere, and
`damaged` counts those, since a history that lacks something proves nothing. `history.jsonl` is
written in one step, so there a last line cut short is damage as well, and so is a missing number.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO

import msgspec

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
        line = memoryview(_encoder.encode(event) + b"\n")
        with self._lock:
            begin = self._file.tell()
            try:
                while line:  # a disk that is nearly full takes a part of it
                    line = line[self._file.write(line) :]
            except OSError:
                with suppress(OSError):  # or the next event would continue half a line
                    self._file.truncate(begin)
                    self._file.seek(begin)
                raise

    def close(self) -> None:
        """Close the part; further writes raise ValueError."""
        self._file.close()


def encode(event: Event) -> bytes:
    """`event` as one JSON line, without the line's end."""
    return _encoder.encode(event)


def decode(line: bytes) -> AnyEvent:
    """The event on `line`.

    Raises:
        ValueError: not UTF-8, not JSON (msgspec.DecodeError), or not an event (ValidationError).
    """
    return _decoder.decode(line)


def read_lines(path: Path) -> Iterator[AnyEvent]:
    """The events of one file, in its order, without lines that cannot be read."""
    return (event for event in attempts(path) if event is not None)


def read_whole(path: Path) -> tuple[list[AnyEvent], int]:
    """The events of a `history.jsonl`, and how many it lacks by its own numbers."""
    found = list(attempts(path, cut_short=True))
    events = [event for event in found if event is not None]
    numbered = max((event.index for event in events), default=-1) + 1
    return events, max(len(found), numbered) - len(events)


def attempts(path: Path, *, cut_short: bool = False) -> Iterator[AnyEvent | None]:
    """What each line of a file says; None for a damaged one.

    A last line that is cut short is nothing, or with `cut_short` damaged as well.
    """
    with path.open("rb") as file:
        for line in file:
            try:
                yield _decoder.decode(line)
            except (ValueError, RecursionError):  # no JSON, no event, no UTF-8; nested for ever
                if cut_short or line.endswith(b"\n"):
                    yield None


def damaged(path: Path) -> int:
    """How many whole lines of a file are no events."""
    return sum(event is None for event in attempts(path))


def count_damaged(parts: Iterable[Path]) -> int:
    """How many lines `merge` leaves out of `parts`; a run that lost any proves nothing."""
    return sum(map(damaged, parts))


def merge(parts: Iterable[Path]) -> list[AnyEvent]:
    """The events of `parts` by time, numbered from 0; ties keep the order of the parts.

    Damaged lines are left out; `count_damaged` says how many.
    """
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
