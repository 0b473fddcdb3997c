"""One load from its instructions to its end: prepares, drives, records, reports.

It ends in one of three ways, each with a complete record: every journey has ended (`finished`), it
was stopped (`stop`), or it could not go on (a full disk, a journey that raised). The owner of the
session decides what that means for the process (`on_over`).
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
from ._instructions import Instructions
from ._journeys import draw_arrivals, load_journeys, share
from ._recorder import FLUSH_EVERY, Recorder

_GAUGE_EVERY = 1.0


class Session:
    """The load of this process.

    Args:
        client: Locust's HTTP session.
        instructions: what to send and when.
        record: opens the record.
        on_over: called with the exit code when the load has ended by itself.
    """

    def __init__(
        self,
        client: FastHttpSession,
        instructions: Instructions,
        *,
        record: Callable[[LoadConfig], Recorder],
        on_over: Callable[[ExitCode], None],
    ) -> None:
        self._client = client
        self._instructions = instructions
        self._record = record
        self._on_over = on_over
        self._driver: Driver | None = None
        self._recorder: Recorder | None = None
        self._worker = "0"
        self._cpu = monotonic(), process_time()
        self.over = False
        self._running: Greenlet | None = None

    def start(self) -> None:
        """Start the load in a greenlet of its own."""
        self._running = gevent.spawn(self.run)

    def run(self) -> None:
        """Run the load; returns when it has ended, in any way."""
        try:
            self._run()
        except UsageError as error:
            self._end(ExitCode.USAGE, "problems", *error.problems)
        except HarnessError as error:
            self._die(str(error))
        except Exception as error:  # noqa: BLE001 - gevent would only print it
            traceback.print_exc()
            self._die(f"{type(error).__name__}: {error}; the trace is in the log")

    def stop(self) -> None:
        """Stop the load early and complete its record, because it is told to."""
        self._finish("stopped")

    def lose(self) -> None:
        """Complete the record of a load that is lost, because its process is being ended."""
        self._finish("died")

    def _run(self) -> None:
        config = self._instructions.config()
        journeys = load_journeys(config.journeys, Path(config.directory))
        arrivals = draw_arrivals(journeys, config.params, config.seed, config.duration)
        mine = list(share(arrivals, config.worker_index, config.worker_count))
        driver = self._prepare(config, journeys)
        self._instructions.report("ready", f"{len(mine)} arrivals")
        driver.epoch = self._instructions.epoch()
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
        self._cpu = monotonic(), process_time()  # the CPU time of preparation does not count
        while not self.over and self._recorder is not None:
            gevent.sleep(_GAUGE_EVERY)
            self._instructions.watch_parent()
            try:
                if not self.over:
                    self._recorder.write(self._generator("running"))
            except HarnessError as error:
                self._die(str(error))

    def _generator(self, state: str) -> Generator:
        then, used = self._cpu
        self._cpu = now, spent = monotonic(), process_time()
        return Generator(
            # Without an epoch the load never started, so there is no time of the run.
            t=time() - self._driver.epoch if self._driver and self._driver.epoch else 0.0,
            worker=self._worker,
            cpu=round(min(1.0, (spent - used) / max(now - then, 1e-6)), 3),
            in_flight=self._driver.in_flight if self._driver else 0,
            state=state,  # type: ignore[arg-type]
        )

    # ---- the end ------------------------------------------------------------------------------

    def _die(self, reason: str) -> None:
        """End the load because of `reason`, which is reported."""
        self._end(ExitCode.BROKEN, "died", reason)

    def _end(self, code: ExitCode, kind: str, *texts: str) -> None:
        """Complete the record, then report: after a report the record is complete."""
        if self.over:
            return
        complete = self._finish("finished" if code == ExitCode.PASS else "died")
        if code == ExitCode.PASS and not complete:
            code, kind, texts = ExitCode.BROKEN, "died", ("its record could not be completed",)
        self._instructions.report(kind, *texts)
        self._on_over(code)

    def _finish(self, state: str) -> bool:
        """Complete the record; return False if it could not be completed."""
        if self.over:
            return True
        self.over = True
        last = self._generator(state)
        complete = True
        if self._driver is not None:
            try:
                self._driver.abandon()
            except HarnessError:
                complete = False
        if self._recorder is not None:
            try:
                self._recorder.close(last)
            except HarnessError:
                complete = False
        if self._running is not None and self._running is not gevent.getcurrent():
            self._running.kill(block=False)  # so that no further user arrives
        return complete


__all__ = ["Session"]
