"""Where a load process gets its orders: from the conductor on stdin, or from a file by hand.

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


class Orders(Protocol):
    """What to do and when; and whom to tell."""

    def config(self) -> LoadConfig:
        """What the load is; waits until it is known."""

    def epoch(self) -> float:
        """The Unix time at which the run begins; waits until it is known."""

    def report(self, kind: str, *texts: str) -> None:
        """Tell whoever orders: `ready`, `problems`, `died` or `finished`."""

    def watch_parent(self) -> None:
        """Asked each second: see whether whoever ordered is still there."""


class ConductorOrders:
    """One JSON object a line on stdin: `{"configure": {...}}`, then `{"go": epoch}`.

    `gone` is called when stdin ends or the parent changes, which is when the conductor is gone.
    """

    def __init__(self, gone: Callable[[], None]) -> None:
        self._gone = gone
        self._reports = int(os.environ[REPORTS])
        self._orders: Queue[dict[str, Any]] = Queue()
        self._parent = os.getppid()
        gevent.spawn(self._read)

    def config(self) -> LoadConfig:
        """As configured."""
        return msgspec.convert(self._orders.get()["configure"], LoadConfig)

    def epoch(self) -> float:
        """As told."""
        return float(self._orders.get()["go"])

    def report(self, kind: str, *texts: str) -> None:
        """One JSON object a line; shorter than a pipe's buffer, so it never blocks."""
        os.write(self._reports, json.dumps({kind: texts}).encode() + b"\n")

    def watch_parent(self) -> None:
        """Call `gone` if the parent is another one now.

        A fork of the parent may hold its end of stdin open, so the end of it alone says too little.
        """
        if os.getppid() != self._parent:
            self._gone()

    def _read(self) -> None:
        make_nonblocking(_STDIN)
        pending = b""
        while data := nb_read(_STDIN, 65536):
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._orders.put(json.loads(line))
        self._gone()


class FileOrders:
    """The configuration that the environment names, at once or at its epoch.

    PACE in the environment wins over the file's pace: the services are started with the same.
    """

    def __init__(self) -> None:
        self._config = read_config(Path(os.environ.get(CONFIG) or _unnamed()))

    def config(self) -> LoadConfig:
        """As the file says."""
        pace = os.environ.get("PACE")
        if not pace:
            return self._config
        try:
            return msgspec.structs.replace(self._config, pace=float(pace))
        except ValueError:
            raise UsageError(f"PACE={pace}: is no number; say how fast the story passes") from None

    def epoch(self) -> float:
        """As the file says, or now."""
        return time() if self._config.epoch is None else self._config.epoch

    def report(self, kind: str, *texts: str) -> None:
        """Locust's log is what somebody at a terminal sees."""
        print(f"load: {kind} {' '.join(texts)}".rstrip(), flush=True)

    def watch_parent(self) -> None:
        """It may outlive its parent."""


def _unnamed() -> str:
    raise UsageError(f"set {CONFIG} to the file that says what the load is (docs/load.md)")
