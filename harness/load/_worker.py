"""A worker: takes its share of the arrivals from the master, and sends it the record of them.

It writes nothing to its own disk, so it may run in any container and on any host that reaches
the master and the services.
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

_SILENCE = 10.0
"""Seconds without a word from the master, which answers every second: then it is gone."""


class Worker:
    """Has one session for each load that the master starts."""

    def __init__(self, environment: Environment, client: Callable[[], FastHttpSession]) -> None:
        self._runner = cast("WorkerRunner", environment.runner)
        self._client = client
        self._orders: MasterOrders | None = None
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
        orders = MasterOrders(self._runner, msg.data["load"], config)
        orders.report("clock", repr(time()))
        self._orders = orders
        self._session = Session(
            self._client(),
            orders,
            record=lambda _: Recorder(ToMaster(self._runner, orders.load)),
            over=lambda _: None,  # the next load may come
        )
        self._session.start()

    def _go(self, *, msg: Any, **_: object) -> None:
        if self._orders is not None and self._orders.load == msg.data["load"]:
            self._orders.begins.set(msg.data["epoch"])

    def _end(self, *, msg: Any, **_: object) -> None:
        if self._orders is not None and self._orders.load == msg.data["load"]:
            self._stop()
            self._orders.report("stopped")

    def _stop(self) -> None:
        if self._session is not None:
            self._session.stop()

    def _quitting(self, **_: object) -> None:
        """Locust ends: by the master's word once all is over, or by a SIGTERM of somebody's."""
        if self._orders is not None and self._session is not None and not self._session.over:
            self._session.stop()
            self._orders.report("lost", "it was told to stop")

    def _watch_master(self) -> None:
        """Without a master nobody records what is done, and nobody would stop it.

        Locust's own watch begins with the master's first heartbeat, and a master may die before.
        """
        heard = time()
        while heard > time() - _SILENCE:
            gevent.sleep(1)
            heard = max(heard, self._runner.last_heartbeat_timestamp or heard)
        self._stop()
        os._exit(ExitCode.BROKEN)


class MasterOrders:
    """The `Orders` of a worker."""

    def __init__(self, runner: WorkerRunner, load: int, config: LoadConfig) -> None:
        self.load = load
        self.begins: AsyncResult[float] = AsyncResult()
        self._runner = runner
        self._config = config

    def config(self) -> LoadConfig:
        """As the master said."""
        return self._config

    def epoch(self) -> float:
        """As the master says, once every worker is ready."""
        return float(self.begins.get())

    def report(self, kind: str, *texts: str) -> None:
        """Tell the master."""
        self._runner.send_message(REPORT, {"load": self.load, "kind": kind, "texts": texts})

    def watch_parent(self) -> None:
        """The worker watches its master, with or without a load."""


class ToMaster:
    """A `Sink`: the lines of a part on their way to the master."""

    def __init__(self, runner: WorkerRunner, load: int) -> None:
        self._runner, self._load = runner, load
        self._number = 0

    def put(self, lines: bytes) -> None:
        """Hand `lines` to Locust's connection.

        Raises:
            RecorderError: it takes no more.
        """
        data = {"load": self._load, "number": self._number, "lines": lines}
        try:
            self._runner.send_message(RECORD, data)
        except RPCError as error:
            raise RecorderError(
                f"the master at {self._runner.master_host} does not take this worker's record "
                f"({error}): look at the network between them"
            ) from error
        self._number += 1

    def put_beside(self, line: bytes) -> None:
        """There is no other way to the master; it notices by itself."""

    def close(self) -> None:
        """The connection is Locust's."""
