"""Where a load process gets its orders: from the conductor on stdin, or from a file by hand."""

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

from ._config import CONFIG, REPORTS, LoadConfig, read_config

_STDIN = 0


class Orders(Protocol):
    """What to do and when; and whom to tell."""

    def config(self) -> LoadConfig:
        """What the load is; waits until it is known."""

    def epoch(self) -> float:
        """The Unix time at which the run begins; waits until it is known."""

    def report(self, kind: str, *texts: str) -> None:
        """Tell the conductor: `ready`, `problems`, `died` or `finished`."""


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
        """A fork of the parent may hold its end of stdin open: so look at who it is, too."""
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
    """The configuration that the environment names, at once or at its epoch."""

    def __init__(self) -> None:
        self._config = read_config(Path(os.environ[CONFIG]))

    def config(self) -> LoadConfig:
        """As the file says."""
        return self._config

    def epoch(self) -> float:
        """As the file says, or now."""
        return time() if self._config.epoch is None else self._config.epoch

    def report(self, kind: str, *texts: str) -> None:
        """Locust's log is what somebody at a terminal sees."""
        print(f"load: {kind} {' '.join(texts)}".rstrip(), flush=True)

    def watch_parent(self) -> None:
        """It may outlive its parent."""
