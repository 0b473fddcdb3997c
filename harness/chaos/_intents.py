"""`faults.jsonl`: what is about to be changed, on disk before it is changed.

Each line is an intent and how far it has come: `begin` before the change, `done` after it,
`undone` when it has been taken back. Whoever reads the file after a crash knows everything that
may still be in force: what began and was not undone. A line cut short by the crash was not yet
on disk, so its change was not made.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from time import time
from typing import Any, Literal
from uuid import uuid4

from harness.errors import HarnessError

from ._errors import ChaosError
from ._processes import Process

NAME = "faults.jsonl"


@dataclass(frozen=True)
class Intent:
    """One change that can be taken back by whoever reads this."""

    id: str
    fault: str
    """The injection that it is part of."""
    change: Literal["toxic", "disable", "renew", "pause", "down", "disconnect", "starve", "fill"]
    """`renew`: the proxy is taken away, and another put in its place."""
    where: str
    """The Toxiproxy's address, or the stack's backend."""
    name: str
    """The proxy or the service."""
    toxic: str = ""
    listen: str = ""
    """Where the proxy listened: another run's proxy of the same name is not touched."""
    upstream: str = ""
    """Where it led, for one that has to be made again."""
    processes: tuple[Process, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    """How a container was before, as its backend wants it back."""

    def __str__(self) -> str:
        what = f"toxic {self.toxic}" if self.toxic else self.change
        return f"{what} of {self.name}"


def new_id() -> str:
    """A name that no other run has used."""
    return uuid4().hex[:12]


class Intents:
    """The intent file of one run. Any thread may call any method."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
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
        """Put `intents` on disk; only then may the changes be made.

        Raises:
            ChaosError: they could not be, so nothing must be changed.
        """
        lines = [_line(intent, "begin") for intent in intents]
        try:
            self._append(lines)
        except OSError as error:
            raise ChaosError(
                f"{self.path}: an intent could not be written ({error.strerror}), so nothing was "
                f"changed; make room and run again"
            ) from error

    def note(self, intents: Iterable[Intent], state: Literal["done", "undone"]) -> None:
        """Record how far they have come. A full disk must not keep a fault from being healed."""
        try:
            self._append([_line(intent, state) for intent in intents])
        except OSError:
            # Healing is idempotent: at worst, what is already gone is taken back once more.
            return

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _append(self, lines: list[bytes]) -> None:
        if not lines:
            return
        data = b"".join(lines)
        with self._lock:
            size = os.fstat(self._file).st_size
            try:
                written = os.write(self._file, data)
                if written < len(data):
                    os.write(self._file, data[written:])  # says why it was short
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, size)  # leaves no half line for the next one to join
                raise


def outstanding(directory: Path) -> list[Intent]:
    """What may still be in force, in the order in which it was begun.

    Raises:
        HarnessError: the file is there and cannot be read.
    """
    path = directory / NAME
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error
    found: dict[str, Intent] = {}
    for line in lines:
        record = _record(line)
        if record is None:
            continue
        if record["state"] == "begin":
            found[record["id"]] = _intent(record)
        elif record["state"] == "undone":
            found.pop(record["id"], None)
    return list(found.values())


def _line(intent: Intent, state: str) -> bytes:
    if state == "begin":
        record = {key: value for key, value in asdict(intent).items() if value not in ("", (), {})}
    else:
        record = {"id": intent.id, "name": intent.name}
    return json.dumps({"state": state, "t": round(time(), 3), **record}).encode() + b"\n"


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if isinstance(record, dict) and {"state", "id"} <= record.keys():
        return record
    return None


def _intent(record: dict[str, Any]) -> Intent:
    processes = tuple(Process(**one) for one in record.get("processes", ()))
    known = {key: record.get(key, "") for key in ("listen", "upstream", "toxic")}
    return Intent(
        id=record["id"],
        fault=record["fault"],
        change=record["change"],
        where=record["where"],
        name=record["name"],
        processes=processes,
        record=record.get("record", {}),
        **known,
    )
