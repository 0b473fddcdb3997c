"""Structured log lines on stdout: one JSON object a line, `event` first, life's time in it."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from ._clock import Clock


class Log(Protocol):
    """Says what happened: `log("mode", mode="manual", previous="automatic", reason=...)`."""

    def __call__(self, event: str, **fields: object) -> None:
        """Log `event` with `fields`."""


def _stdout(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def json_log(service: str, clock: Clock, write: Callable[[str], object] = _stdout) -> Log:
    """A log of `service` that writes lines through `write`."""

    def log(event: str, **fields: object) -> None:
        time = datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="seconds")
        record = {"event": event, "service": service, "time": time, **fields}
        write(msgspec.json.encode(record).decode() + "\n")

    return log
