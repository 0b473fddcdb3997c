"""A worker: sends its share of the load, and sends the record of it to the master.

It writes nothing to its own disk, so it may run in any container and on any host that reaches the
master and the services.
"""

import os
import socket
from collections.abc import Callable
from time import time
from typing import Any, cast

import gevent
import msgspec
from gevent.event import AsyncResult
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import WorkerRunner

from harness.errors import ExitCode

from ._config import STACK, WORKER, LoadConfig
from ._messages import CONFIGURE, END, GO, HELLO, RECORD, REPORT
from ._recorder import Recorder, RecorderError
from ._session import Session

_MASTER_TIMEOUT = 10.0
"""Seconds without a heartbeat of the master, which sends one every second, until it counts as
dead."""


class Worker:
    """Runs one session for each load that the master starts."""

    def __init__(self, environment: Environment, client: Callable[[], FastHttpSession]) -> None:
        self._runner = cast("WorkerRunner", environment.runner)
        self._client = client
        self._instructions: MasterInstructions | None = None
        self._session: Session | None = None
        self._runner.register_message(CONFIGURE, self._configure)
        self._runner.register_message(GO, self._go)
        self._runner.register_message(END, self._end)
        events: Any = environment.events
        events.quitting.add_listener(self._quitting)
        name = os.environ.get(WORKER) or socket.gethostname()
        self._runner.send_message(HELLO, {"name": name})
        gevent.spawn(self._watch_master)

    def _configure(self, *, msg: Any, **_: object) -> None:
        self._stop()
        config = msgspec.convert(msg.data["config"], LoadConfig)
        here = os.environ.get(STACK)
        if here:
            config = msgspec.structs.replace(config, directory=here)
        instructions = MasterInstructions(self._runner, msg.data["load"], config)
        instructions.report("clock", repr(time()))
        self._instructions = instructions
        self._session = Session(
            self._client(),
            instructions,
            record=lambda _: Recorder(MasterSink(self._runner, instructions.load)),
            on_over=lambda _: None,  # the master may start another load
        )
        self._session.start()

    def _go(self, *, msg: Any, **_: object) -> None:
        if self._instructions is not None and self._instructions.load == msg.data["load"]:
            self._instructions.epoch_sent.set(msg.data["epoch"])

    def _end(self, *, msg: Any, **_: object) -> None:
        if self._instructions is not None and self._instructions.load == msg.data["load"]:
            self._stop()
            self._instructions.report("stopped")

    def _stop(self) -> None:
        if self._session is not None:
            self._session.stop()

    def _quitting(self, **_: object) -> None:
        """Report `lost` if Locust exits during a load, which a SIGTERM causes."""
        if self._instructions is not None and self._session is not None and not self._session.over:
            self._session.lose()
            self._instructions.report("lost", "the worker was stopped from outside")

    def _watch_master(self) -> None:
        """End the process when the master has died, because then nothing is recorded.

        Locust's own check starts with the master's first heartbeat; the master may die before it.
        """
        last = time()
        while last > time() - _MASTER_TIMEOUT:
            gevent.sleep(1)
            last = max(last, self._runner.last_heartbeat_timestamp or last)
        self._stop()
        os._exit(ExitCode.BROKEN)


class MasterInstructions:
    """Instructions from the master."""

    def __init__(self, runner: WorkerRunner, load: int, config: LoadConfig) -> None:
        self.load = load
        self.epoch_sent: AsyncResult[float] = AsyncResult()
        self._runner = runner
        self._config = config

    def config(self) -> LoadConfig:
        """Return the master's configuration, with this worker's share."""
        return self._config

    def epoch(self) -> float:
        """Return the epoch, which the master sends when every worker is ready."""
        return float(self.epoch_sent.get())

    def report(self, kind: str, *texts: str) -> None:
        """Send the report to the master."""
        self._runner.send_message(REPORT, {"load": self.load, "kind": kind, "texts": texts})

    def watch_parent(self) -> None:
        """Do nothing: `Worker` watches the master, also between loads."""


class MasterSink:
    """A `Sink` that sends the lines of a part to the master."""

    def __init__(self, runner: WorkerRunner, load: int) -> None:
        self._runner, self._load = runner, load
        self._number = 0

    def write(self, lines: bytes) -> None:
        """Send `lines` by Locust's connection.

        Raises:
            RecorderError: the connection is broken.
        """
        data = {"load": self._load, "number": self._number, "lines": lines}
        try:
            self._runner.send_message(RECORD, data)
        except RPCError as error:
            raise RecorderError(
                f"the master at {self._runner.master_host} cannot be sent this worker's record "
                f"({error}); check the network between them"
            ) from error
        self._number += 1

    def write_apart(self, line: bytes) -> None:
        """Do nothing: there is no other way to the master, which notices the loss itself."""

    def close(self) -> None:
        """Do nothing: the connection belongs to Locust."""
