"""The master: forwards instructions to the workers, writes their records, reports the result.

In a run it waits for the expected number of workers. By hand it uses the workers that are
connected when Locust's start button is pressed, and records each load in a folder of its own. A
worker that disappears ends the load: without it the load would be lower than the scenario's.
"""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import gevent
from gevent import Greenlet
from gevent.event import Event
from locust import runners
from locust.env import Environment
from locust.runners import MasterRunner

from harness.errors import ExitCode, HarnessError, UsageError, WorkerLostError

from ._config import REPORTS
from ._instructions import FileInstructions, Instructions, PipeInstructions
from ._messages import HELLO, RECORD, REPORT
from ._worker_pool import WorkerPool

_HEARTBEAT_TIMEOUT = 8
"""Seconds without a heartbeat after which a worker counts as lost. Locust's default of three is too
short on a machine that is busy starting a stack."""


class Master:
    """Runs one load at a time."""

    def __init__(self, environment: Environment) -> None:
        runners.HEARTBEAT_LIVENESS = _HEARTBEAT_TIMEOUT
        self._environment = environment
        self._runner = cast("MasterRunner", environment.runner)
        self._options = cast("Any", environment.parsed_options)
        events: Any = environment.events
        self._names: dict[str, str] = {}
        self._arrived = Event()
        self._worker_pool: WorkerPool | None = None
        self._running: Greenlet | None = None
        self._loads = 0
        self._early_handler: Any = None
        self._runner.register_message(HELLO, self._hello)
        self._runner.register_message(REPORT, self._report)
        self._runner.register_message(RECORD, self._record)
        events.quitting.add_listener(self._stop)
        if REPORTS in os.environ:
            instructions = PipeInstructions(self._end_without_parent)
            instructions.report("listening", str(self._runner.server.port))
            expected = self._options.expect_workers
            self._running = gevent.spawn(self._run_load, instructions, expected)
            # Locust handles no signals until it has seen its workers, up to a second after us.
            self._early_handler = gevent.signal_handler(signal.SIGTERM, self._exit, ExitCode.PASS)
            events.test_start.add_listener(self._on_locust_started)
        else:
            events.test_start.add_listener(self._on_start_button)
            events.test_stopping.add_listener(self._stop)

    # ---- a load -------------------------------------------------------------------------------

    def _run_load(self, instructions: Instructions, expected: int) -> None:
        """Run one load from its instructions to its end, and report how it ended."""
        code = ExitCode.BROKEN
        try:
            self._send_load(instructions, expected)
            code = ExitCode.PASS
        except UsageError as error:
            instructions.report("problems", *error.problems)
            code = ExitCode.USAGE
        except WorkerLostError as error:
            instructions.report("lost", str(error))
            code = ExitCode.INCONCLUSIVE
        except HarnessError as error:
            instructions.report("died", str(error))
        finally:
            self._end_workers()
        if code == ExitCode.PASS:
            instructions.report("finished")
        self._finish(code)

    def _send_load(self, instructions: Instructions, expected: int) -> None:
        config = instructions.config()
        instructions.watch_parent()
        while len(self._connected()) < expected:
            self._arrived.clear()
            self._arrived.wait(1.0)
        parts = Path(config.part).parent if config.part else _new_folder()
        self._loads += 1
        pool = self._worker_pool = WorkerPool(
            self._runner, self._loads, config, self._connected(), parts
        )
        pool.configure()
        pool.await_all("ready")
        instructions.report("ready", f"{len(self._connected())} workers, recorded in {parts}")
        pool.go(instructions.epoch())
        watch = gevent.spawn(_watch, instructions)
        try:
            pool.await_all("finished")
        finally:
            watch.kill(block=False)

    def _connected(self) -> dict[str, str]:
        """Return the workers that can take work: Locust's id -> name."""
        clients = self._runner.clients
        there = {node.id for node in [*clients.ready, *clients.spawning, *clients.running]}
        return {client: name for client, name in self._names.items() if client in there}

    def _finish(self, code: ExitCode) -> None:
        if self._early_handler is not None:
            self._exit(code)
        self._environment.process_exit_code = int(code)
        headless = self._options.headless
        gevent.spawn(self._runner.quit if headless else self._runner.stop)

    # ---- events of Locust ---------------------------------------------------------------------

    def _on_locust_started(self, **_: object) -> None:
        """Leave signals to Locust, which handles them from now on."""
        if self._early_handler is not None:
            self._early_handler.cancel()
            self._early_handler = None

    def _on_start_button(self, **_: object) -> None:
        """Start a load by hand."""
        try:
            instructions = FileInstructions()
        except HarnessError as error:
            print(f"load: {error}", flush=True)
            self._finish(error.exit_code)
            return
        self._stop()
        self._running = gevent.spawn(self._run_load, instructions, 1)

    def _stop(self, **_: object) -> None:
        """Stop the load: by the stop button, or SIGTERM."""
        if self._running is not None and self._running is not gevent.getcurrent():
            self._running.kill()
        self._end_workers()

    def _end_workers(self) -> None:
        if self._worker_pool is not None:
            self._worker_pool.end()

    def _end_without_parent(self) -> None:
        """End the process: the run that would stop this load has died."""
        self._exit(ExitCode.BROKEN)

    def _exit(self, code: ExitCode) -> None:
        """Stop the load and its workers, then exit without waiting for Locust."""
        self._stop()
        self._runner.quit()  # which stops the workers as well
        os._exit(code)

    def _hello(self, *, msg: Any, **_: object) -> None:
        self._names[msg.node_id] = str(msg.data["name"])
        self._arrived.set()

    def _report(self, *, msg: Any, **_: object) -> None:
        if self._worker_pool is not None:
            self._worker_pool.on_report(msg.node_id, msg.data)

    def _record(self, *, msg: Any, **_: object) -> None:
        if self._worker_pool is not None:
            self._worker_pool.on_record(msg.node_id, msg.data)


def _watch(instructions: Instructions) -> None:
    while True:
        gevent.sleep(1.0)
        instructions.watch_parent()


def _new_folder() -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return Path(f"load-{stamp}").absolute()
