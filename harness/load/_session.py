"""One load from its orders to its exit: prepares, drives, records, and says how it ended.

It ends in one of three ways, and each leaves a whole record: everybody has been served
(`finished`), it was told to stop (SIGTERM, or its conductor is gone), or it could not go on (a
full disk, a journey that raised). Only the first exits with 0 and writes `finished`.
"""

import os
from pathlib import Path
from time import monotonic, process_time, time
from typing import Any

import gevent
import msgspec
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner

from harness.errors import ExitCode, HarnessError, UsageError
from harness.history import Generator

from ._config import REPORTS, LoadConfig
from ._contract import Journeys
from ._driver import Driver
from ._journeys import draw_arrivals, load_journeys, share
from ._orders import ConductorOrders, FileOrders
from ._recorder import FLUSH_EVERY, Recorder

_GAUGE_EVERY = 1.0


class Session:
    """The load of this process; made once, in the task of its only user."""

    def __init__(self, environment: Environment, client: FastHttpSession) -> None:
        self._environment = environment
        self._client = client
        self._driver: Driver | None = None
        self._recorder: Recorder | None = None
        self._worker = "0"
        self._cpu = monotonic(), process_time()
        self._over = False
        self._orders = ConductorOrders(self._gone) if REPORTS in os.environ else FileOrders()
        events: Any = environment.events
        events.quitting.add_listener(self._quitting)

    def run(self) -> None:
        """Everything; returns once the load is over, however it ended."""
        try:
            self._run()
        except UsageError as error:
            self._orders.report("problems", *error.problems)
            self._end("died", ExitCode.USAGE)
        except HarnessError as error:
            self._die(str(error))

    def _run(self) -> None:
        config = self._localized(self._orders.config())
        journeys = load_journeys(config.journeys, Path(config.directory))
        everybody = draw_arrivals(journeys, config.params, config.seed, config.duration)
        mine = list(share(everybody, config.worker_index, config.worker_count))
        driver = self._prepare(config, journeys)
        self._orders.report("ready", f"{len(mine)} arrivals")
        driver.epoch = self._orders.epoch()
        gevent.spawn(self._flush)
        gevent.spawn(self._gauge)
        driver.drive(mine, driver.epoch)
        self._end("finished", ExitCode.PASS)

    def _prepare(self, config: LoadConfig, journeys: Journeys) -> Driver:
        part = config.part or f"parts/load-{config.worker_index}.jsonl"
        self._worker = str(config.worker_index)
        self._recorder = Recorder(Path(part))
        self._driver = Driver(config, journeys, self._client, self._recorder, self._die)
        return self._driver

    def _localized(self, config: LoadConfig) -> LoadConfig:
        """For a worker of Locust's own, the share that its master gave it."""
        runner = self._environment.runner
        if not isinstance(runner, WorkerRunner):
            return config
        return msgspec.structs.replace(config, worker_index=runner.worker_index)

    # ---- while it runs ------------------------------------------------------------------------

    def _flush(self) -> None:
        while not self._over and self._recorder is not None:
            try:
                self._recorder.flush()
            except HarnessError as error:
                self._die(str(error))
            gevent.sleep(FLUSH_EVERY / 2)

    def _gauge(self) -> None:
        assert self._driver is not None
        gevent.sleep(max(0.0, self._driver.epoch - time()))
        self._cpu = monotonic(), process_time()  # what it took to get ready is no load
        while not self._over and self._recorder is not None:
            gevent.sleep(_GAUGE_EVERY)
            self._orders.watch_parent()
            try:
                if not self._over:
                    self._recorder.write(self._generator("running"))
            except HarnessError as error:
                self._die(str(error))

    def _generator(self, state: str) -> Generator:
        then, used = self._cpu
        self._cpu = now, spent = monotonic(), process_time()
        return Generator(
            t=time() - self._driver.epoch if self._driver else 0.0,
            worker=self._worker,
            cpu=round(min(1.0, (spent - used) / max(now - then, 1e-6)), 3),
            in_flight=self._driver.in_flight if self._driver else 0,
            state=state,  # type: ignore[arg-type]
        )

    # ---- how it ends --------------------------------------------------------------------------

    def _die(self, reason: str) -> None:
        """It cannot go on: say so in every way there is."""
        if not self._over:
            self._orders.report("died", reason)
            self._end("died", ExitCode.BROKEN)

    def _gone(self) -> None:
        """The conductor is gone: nobody would stop this process any more."""
        self._finish("died")
        os._exit(ExitCode.BROKEN)

    def _quitting(self, **_: object) -> None:
        """Locust ends, by SIGTERM or by the web UI's button."""
        self._finish("died")

    def _end(self, state: str, code: ExitCode) -> None:
        if self._over:
            return
        code = code if self._finish(state) else ExitCode.BROKEN
        if code == ExitCode.PASS:
            self._orders.report("finished")
        self._environment.process_exit_code = int(code)
        runner = self._environment.runner
        options = self._environment.parsed_options
        if isinstance(runner, LocalRunner) and options is not None and options.headless:
            gevent.spawn(runner.quit)

    def _finish(self, state: str) -> bool:
        """Complete the record; False if it could not be."""
        if self._over:
            return True
        self._over = True
        last = self._generator(state)
        whole = True
        if self._driver is not None:
            try:
                self._driver.abandon()
            except HarnessError:
                whole = False
        if self._recorder is not None:
            try:
                self._recorder.close(last)
            except HarnessError:
                whole = False
        return whole


__all__ = ["Session"]
