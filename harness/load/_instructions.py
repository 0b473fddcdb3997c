"""Where a load process gets its instructions: from the run by stdin, or from a file by hand.

A worker gets them from its master (`_worker`), which has them from one of these two.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any, Protocol

import gevent
import msgspec
from gevent.os import make_nonblocking, nb_read
from gevent.queue import Queue

from harness.errors import UsageError

from ._config import CONFIG, REPORTS, LoadConfig, read_config

_STDIN = 0


class Instructions(Protocol):
    """What to send and when, and where to report the progress."""

    def config(self) -> LoadConfig:
        """Return the configuration; block until it is known."""

    def epoch(self) -> float:
        """Return the Unix time at which the run starts; block until it is known."""

    def report(self, kind: str, *texts: str) -> None:
        """Report `ready`, `problems`, `died` or `finished`."""

    def watch_parent(self) -> None:
        """Check that the parent still lives; called once a second."""


class PipeInstructions:
    """Lines of JSON on stdin: `{"configure": {...}}`, then `{"go": epoch}`.

    `on_orphaned` is called when stdin ends or the parent process changes: the run has died.
    """

    def __init__(self, on_orphaned: Callable[[], None]) -> None:
        self._on_orphaned = on_orphaned
        self._reports_fd = int(os.environ[REPORTS])
        self._instructions: Queue[dict[str, Any]] = Queue()
        self._parent = os.getppid()
        gevent.spawn(self._read)

    def config(self) -> LoadConfig:
        """Return the configuration from the `configure` line."""
        return msgspec.convert(self._instructions.get()["configure"], LoadConfig)

    def epoch(self) -> float:
        """Return the epoch from the `go` line."""
        return float(self._instructions.get()["go"])

    def report(self, kind: str, *texts: str) -> None:
        """Write one line of JSON; it is shorter than a pipe's buffer, so it never blocks."""
        os.write(self._reports_fd, json.dumps({kind: texts}).encode() + b"\n")

    def watch_parent(self) -> None:
        """Call `on_orphaned` if the parent process has changed.

        A fork of the parent may keep its end of stdin open, so the end of stdin is not enough.
        """
        if os.getppid() != self._parent:
            self._on_orphaned()

    def _read(self) -> None:
        make_nonblocking(_STDIN)
        pending = b""
        while data := nb_read(_STDIN, 65536):
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._instructions.put(json.loads(line))
        self._on_orphaned()


class FileInstructions:
    """The configuration file that the environment names; the run starts at its epoch, or at once.

    PACE in the environment overrides the file's pace, because the services take theirs from PACE.
    """

    def __init__(self) -> None:
        self._config = read_config(Path(os.environ.get(CONFIG) or _missing_config()))

    def config(self) -> LoadConfig:
        """Return the file's configuration, with the pace from PACE if it is set."""
        pace = os.environ.get("PACE")
        if not pace:
            return self._config
        try:
            return msgspec.structs.replace(self._config, pace=float(pace))
        except ValueError:
            raise UsageError(
                f"PACE={pace}: is no number; give the scenario seconds in one wall-clock second"
            ) from None

    def epoch(self) -> float:
        """Return the file's epoch, or the current time."""
        return time() if self._config.epoch is None else self._config.epoch

    def report(self, kind: str, *texts: str) -> None:
        """Print the report, so that it is in Locust's log."""
        print(f"load: {kind} {' '.join(texts)}".rstrip(), flush=True)

    def watch_parent(self) -> None:
        """Do nothing: a load started by hand may outlive its parent."""


def _missing_config() -> str:
    raise UsageError(f"set {CONFIG} to a configuration file (docs/load.md)")
