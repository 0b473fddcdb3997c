"""The load in a single process: told by its conductor, or by a file and Locust's start button."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

from harness.errors import ExitCode, HarnessError

from ._config import REPORTS, LoadConfig
from ._orders import ConductorOrders, FileOrders, Orders
from ._recorder import Recorder
from ._session import Session


class Alone:
    """Begins a session when Locust starts, and ends it when Locust stops."""

    def __init__(self, environment: Environment, client: Callable[[], FastHttpSession]) -> None:
        self._environment = environment
        events: Any = environment.events
        self._client = client
        self._session: Session | None = None
        events.test_start.add_listener(self._start)
        events.test_stop.add_listener(self._stop)
        events.quitting.add_listener(self._stop)

    def _start(self, **_: object) -> None:
        try:
            orders: Orders = ConductorOrders(self._gone) if REPORTS in os.environ else FileOrders()
        except HarnessError as error:
            print(f"load: {error}", flush=True)
            self._over(error.exit_code)
            return
        self._session = Session(self._client(), orders, record=_record, over=self._over)
        self._session.start()

    def _stop(self, **_: object) -> None:
        if self._session is not None:
            self._session.stop()

    def _over(self, code: ExitCode) -> None:
        self._environment.process_exit_code = int(code)
        runner: Any = self._environment.runner
        options: Any = self._environment.parsed_options
        gevent.spawn(runner.quit if options.headless else runner.stop)

    def _gone(self) -> None:
        """The conductor is gone: nobody would stop this process any more."""
        self._stop()
        os._exit(ExitCode.BROKEN)


def _record(config: LoadConfig) -> Recorder:
    return Recorder(Path(config.part or f"parts/load-{config.worker_index}.jsonl"))
