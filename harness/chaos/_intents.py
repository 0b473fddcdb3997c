"""`faults.jsonl`: every change to the stack, on disk before it is made.

Each line is an intent and its progress: `begin` before the change, `done` after it, `undone` when
it has been reverted. After a crash, whatever has begun and is not undone may still be in effect.
A line that the crash cut short was not yet on disk, so its change was not made.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from uuid import uuid4

from harness.clock import WALL_CLOCK, Clock
from harness.errors import HarnessError

from ._errors import ChaosError
from ._processes import Process

FILE_NAME = "faults.jsonl"


@dataclass(frozen=True)
class Intent:
    """One change, with all that is needed to revert it."""

    id: str
    fault: str
    """Id of the injection that it belongs to."""
    change: Literal["toxic", "disable", "recreate", "pause", "down", "disconnect", "starve", "fill"]
    """`recreate`: the proxy is deleted, and created again without its toxics."""
    where: str
    """Address of the Toxiproxy, or name of the stack's backend."""
    name: str
    """Name of the proxy or the service."""
    toxic: str = ""
    listen: str = ""
    """Where the proxy listened. A proxy of the same name that listens elsewhere is another run's
    and is not touched."""
    upstream: str = ""
    """Where the proxy forwarded to, in case it has to be created again."""
    processes: tuple[Process, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    """State of the container before the change, in the form that its backend restores."""

    def __str__(self) -> str:
        what = f"toxic {self.toxic}" if self.toxic else self.change
        return f"{what} of {self.name}"


def new_id() -> str:
    """Return an id that no other run uses."""
    return uuid4().hex[:12]


class Intents:
    """The intent file of one run. Any thread may call any method."""

    def __init__(self, directory: Path, clock: Clock = WALL_CLOCK) -> None:
        self.path = directory / FILE_NAME
        self._clock = clock
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise ChaosError(f"{self.path}: cannot be written: {error.strerror}") from error
        self._lock = Lock()
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")  # ends a line that a crash cut short

    def begin(self, intents: Iterable[Intent]) -> None:
        """Write `intents` to disk; only after that may the changes be made.

        Raises:
            ChaosError: they could not be written, so nothing may be changed.
        """
        lines = [self._line(intent, "begin") for intent in intents]
        try:
            self._append(lines)
        except OSError as error:
            raise ChaosError(
                f"{self.path}: an intent could not be written ({error.strerror}), so nothing was "
                f"changed; free some disk space and run again"
            ) from error

    def mark(self, intents: Iterable[Intent], state: Literal["done", "undone"]) -> None:
        """Record the progress of `intents`. A full disk is ignored: it must not prevent healing."""
        try:
            self._append([self._line(intent, state) for intent in intents])
        except OSError:
            # Healing is idempotent: at worst, a change is reverted a second time.
            return

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _line(self, intent: Intent, state: str) -> bytes:
        if state == "begin":
            fields = asdict(intent).items()
            record = {key: value for key, value in fields if value not in ("", (), {})}
        else:
            record = {"id": intent.id, "name": intent.name}
        t = round(self._clock.time(), 3)
        return json.dumps({"state": state, "t": t, **record}).encode() + b"\n"

    def _append(self, lines: list[bytes]) -> None:
        if not lines:
            return
        data = b"".join(lines)
        with self._lock:
            size = os.fstat(self._file).st_size
            try:
                written = os.write(self._file, data)
                if written < len(data):
                    os.write(self._file, data[written:])  # raises the reason for the short write
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, size)  # removes the partial line
                raise


def outstanding(directory: Path) -> list[Intent]:
    """Return the intents whose changes may still be in effect, in the order of their begin.

    Raises:
        HarnessError: the file exists and cannot be read.
    """
    path = directory / FILE_NAME
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error
    found: dict[str, Intent] = {}
    for line in lines:
        record = _parse(line)
        if record is None:
            continue
        if record["state"] == "begin":
            found[record["id"]] = _intent(record)
        elif record["state"] == "undone":
            found.pop(record["id"], None)
    return list(found.values())


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line; None if the line is not a complete record."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if isinstance(record, dict) and {"state", "id"} <= record.keys():
        return record
    return None


def _intent(record: dict[str, Any]) -> Intent:
    texts = {key: record.get(key, "") for key in ("listen", "upstream", "toxic")}
    return Intent(
        id=record["id"],
        fault=record["fault"],
        change=record["change"],
        where=record["where"],
        name=record["name"],
        processes=tuple(Process(**one) for one in record.get("processes", ())),
        record=record.get("record", {}),
        **texts,
    )
