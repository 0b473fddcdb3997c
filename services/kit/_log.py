"""Structured log on stdout: one JSON object per line, with the event's name and scenario time."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from ._clock import Clock


class Log(Protocol):
    """Logs an event: `log("mode", mode="manual", previous="automatic", reason=...)`."""

    def __call__(self, event: str, **fields: object) -> None:
        """Log `event` with `fields`."""


def _stdout(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def json_log(service: str, clock: Clock, write: Callable[[str], object] = _stdout) -> Log:
    """Return a log that passes each event of `service` to `write` as one line of JSON."""

    def log(event: str, **fields: object) -> None:
        time = datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="seconds")
        record = {"event": event, "service": service, "time": time, **fields}
        write(msgspec.json.encode(record).decode() + "\n")

    return log
