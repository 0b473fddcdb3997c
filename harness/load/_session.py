"""One load from its orders to its end: prepares, drives, records, and says how it ended.

It ends in one of three ways, and each leaves a whole record: everybody has been served
(`finished`), it was told to stop (`stop`), or it could not go on (a full disk, a journey that
raised). What that means for the process is for whoever began it to decide (`over`).
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time, time

import gevent
from gevent import Greenlet
from locust.contrib.fasthttp import FastHttpSession

from harness.errors import ExitCode, HarnessError, UsageError
from harness.history import Generator

from ._config import LoadConfig
from ._contract import Journeys
from ._driver import Driver
from ._journeys import draw_arrivals, load_journeys, share
from ._orders import Orders
from ._recorder import FLUSH_EVERY, Recorder

_GAUGE_EVERY = 1.0


class Session:
    """A load of this process. `record` opens its record, `over` is told what it came to."""

    def __init__(
        self,
        client: FastHttpSession,
        orders: Orders,
        *,
        record: Callable[[LoadConfig], Recorder],
        over: Callable[[ExitCode], None],
    ) -> None:
        self._client = client
        self._orders = orders
        self._record = record
        self._tell_over = over
        self._driver: Driver | None = None
        self._recorder: Recorder | None = None
        self._worker = "0"
        self._cpu = monotonic(), process_time()
        self.over = False
        self._running: Greenlet | None = None

    def start(self) -> None:
        """Begin, in a greenlet of its own."""
        self._running = gevent.spawn(self.run)

    def run(self) -> None:
        """Everything; returns once the load is over, however it ended."""
        try:
            self._run()
        except UsageError as error:
            self._end(ExitCode.USAGE, "problems", *error.problems)
        except HarnessError as error:
            self._die(str(error))
        except Exception as error:  # noqa: BLE001 - in a greenlet of its own nobody would see it
            traceback.print_exc()
            self._die(f"{type(error).__name__}: {error}; the trace is in the log")

    def stop(self) -> None:
        """End it before its time, with its record complete as far as it goes."""
        self._finish("died")

    def _run(self) -> None:
        config = self._orders.config()
        journeys = load_journeys(config.journeys, Path(config.directory))
        everybody = draw_arrivals(journeys, config.params, config.seed, config.duration)
        mine = list(share(everybody, config.worker_index, config.worker_count))
        driver = self._prepare(config, journeys)
        self._orders.report("ready", f"{len(mine)} arrivals")
        driver.epoch = self._orders.epoch()
        gevent.spawn(self._flush)
        gevent.spawn(self._gauge)
        driver.drive(mine, driver.epoch)
        self._end(ExitCode.PASS, "finished")

    def _prepare(self, config: LoadConfig, journeys: Journeys) -> Driver:
        self._worker = str(config.worker_index)
        self._recorder = self._record(config)
        self._driver = Driver(config, journeys, self._client, self._recorder, self._die)
        return self._driver

    # ---- while it runs ------------------------------------------------------------------------

    def _flush(self) -> None:
        while not self.over and self._recorder is not None:
            try:
                self._recorder.flush()
            except HarnessError as error:
                self._die(str(error))
            gevent.sleep(FLUSH_EVERY / 2)

    def _gauge(self) -> None:
        assert self._driver is not None
        gevent.sleep(max(0.0, self._driver.epoch - time()))
        self._cpu = monotonic(), process_time()  # what it took to get ready is no load
        while not self.over and self._recorder is not None:
            gevent.sleep(_GAUGE_EVERY)
            self._orders.watch_parent()
            try:
                if not self.over:
                    self._recorder.write(self._generator("running"))
            except HarnessError as error:
                self._die(str(error))

    def _generator(self, state: str) -> Generator:
        then, used = self._cpu
        self._cpu = now, spent = monotonic(), process_time()
        return Generator(
            # Without an epoch it never began, and Unix time is no time of the run.
            t=time() - self._driver.epoch if self._driver and self._driver.epoch else 0.0,
            worker=self._worker,
            cpu=round(min(1.0, (spent - used) / max(now - then, 1e-6)), 3),
            in_flight=self._driver.in_flight if self._driver else 0,
            state=state,  # type: ignore[arg-type]
        )

    # ---- how it ends --------------------------------------------------------------------------

    def _die(self, reason: str) -> None:
        """It cannot go on: say so in every way there is."""
        self._end(ExitCode.BROKEN, "died", reason)

    def _end(self, code: ExitCode, kind: str, *texts: str) -> None:
        """Complete the record, then tell: whoever is told may take the record for complete."""
        if self.over:
            return
        whole = self._finish("finished" if code == ExitCode.PASS else "died")
        if code == ExitCode.PASS and not whole:
            code, kind, texts = ExitCode.BROKEN, "died", ("its record could not be completed",)
        self._orders.report(kind, *texts)
        self._tell_over(code)

    def _finish(self, state: str) -> bool:
        """Complete the record; False if it could not be."""
        if self.over:
            return True
        self.over = True
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
        if self._running is not None and self._running is not gevent.getcurrent():
            self._running.kill(block=False)  # nobody else arrives
        return whole


__all__ = ["Session"]
