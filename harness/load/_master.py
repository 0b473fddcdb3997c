"""The master: hands its orders on to the workers, writes what they record, and tells how it went.

Under a conductor it has to wait for as many workers as it was told to expect. By hand it takes
whoever is there when Locust's start button is pressed; each load is recorded in a folder of its
own. A worker that goes missing ends the load: the others would quietly be a lighter one.
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
from ._crew import Crew
from ._messages import HELLO, RECORD, REPORT
from ._orders import ConductorOrders, FileOrders, Orders

_SILENCE = 8
"""Seconds of silence after which a worker is gone. Locust's own three are soon over on a machine
that is busy starting a stack."""


class Master:
    """Conducts one load at a time."""

    def __init__(self, environment: Environment) -> None:
        runners.HEARTBEAT_LIVENESS = _SILENCE
        self._environment = environment
        self._runner = cast("MasterRunner", environment.runner)
        self._options = cast("Any", environment.parsed_options)
        events: Any = environment.events
        self._names: dict[str, str] = {}
        self._arrived = Event()
        self._crew: Crew | None = None
        self._running: Greenlet | None = None
        self._loads = 0
        self._early: Any = None
        self._runner.register_message(HELLO, self._hello)
        self._runner.register_message(REPORT, self._report)
        self._runner.register_message(RECORD, self._record)
        events.quitting.add_listener(self._stop)
        if REPORTS in os.environ:
            orders = ConductorOrders(self._gone)
            orders.report("listening", str(self._runner.server.port))
            expected = self._options.expect_workers
            self._running = gevent.spawn(self._conduct, orders, expected)
            # Until Locust has seen its workers, up to a second after we have, it does nothing else.
            self._early = gevent.signal_handler(signal.SIGTERM, self._leave, ExitCode.PASS)
            events.test_start.add_listener(self._runs)
        else:
            events.test_start.add_listener(self._pressed)
            events.test_stopping.add_listener(self._stop)

    # ---- a load -------------------------------------------------------------------------------

    def _conduct(self, orders: Orders, expected: int) -> None:
        """Everything, from the orders to the end."""
        code = ExitCode.BROKEN
        try:
            self._carry_out(orders, expected)
            code = ExitCode.PASS
        except UsageError as error:
            orders.report("problems", *error.problems)
            code = ExitCode.USAGE
        except WorkerLostError as error:
            orders.report("lost", str(error))
            code = ExitCode.INCONCLUSIVE
        except HarnessError as error:
            orders.report("died", str(error))
        finally:
            self._end_crew()
        if code == ExitCode.PASS:
            orders.report("finished")
        self._over(code)

    def _carry_out(self, orders: Orders, expected: int) -> None:
        config = orders.config()
        orders.watch_parent()
        while len(self._here()) < expected:
            self._arrived.clear()
            self._arrived.wait(1.0)
        parts = Path(config.part).parent if config.part else _new_folder()
        self._loads += 1
        crew = self._crew = Crew(self._runner, self._loads, config, self._here(), parts)
        crew.configure()
        crew.await_all("ready")
        orders.report("ready", f"{len(self._here())} workers, recorded in {parts}")
        crew.go(orders.epoch())
        watch = gevent.spawn(_watch, orders)
        try:
            crew.await_all("finished")
        finally:
            watch.kill(block=False)

    def _here(self) -> dict[str, str]:
        """Who can be given work: Locust's id and name."""
        clients = self._runner.clients
        there = {node.id for node in [*clients.ready, *clients.spawning, *clients.running]}
        return {client: name for client, name in self._names.items() if client in there}

    def _over(self, code: ExitCode) -> None:
        if self._early is not None:
            self._leave(code)
        self._environment.process_exit_code = int(code)
        headless = self._options.headless
        gevent.spawn(self._runner.quit if headless else self._runner.stop)

    # ---- what Locust tells --------------------------------------------------------------------

    def _runs(self, **_: object) -> None:
        """Locust minds signals now, and ends when it is told to."""
        if self._early is not None:
            self._early.cancel()
            self._early = None

    def _pressed(self, **_: object) -> None:
        """The start button."""
        try:
            orders = FileOrders()
        except HarnessError as error:
            print(f"load: {error}", flush=True)
            self._over(error.exit_code)
            return
        self._stop()
        self._running = gevent.spawn(self._conduct, orders, 1)

    def _stop(self, **_: object) -> None:
        """The stop button, or a SIGTERM."""
        if self._running is not None and self._running is not gevent.getcurrent():
            self._running.kill()
        self._end_crew()

    def _end_crew(self) -> None:
        if self._crew is not None:
            self._crew.end()

    def _gone(self) -> None:
        """The conductor is gone: nobody would stop this load any more."""
        self._leave(ExitCode.BROKEN)

    def _leave(self, code: ExitCode) -> None:
        """End at once, but in order."""
        self._stop()
        self._runner.quit()  # the workers, too
        os._exit(code)

    def _hello(self, *, msg: Any, **_: object) -> None:
        self._names[msg.node_id] = str(msg.data["name"])
        self._arrived.set()

    def _report(self, *, msg: Any, **_: object) -> None:
        if self._crew is not None:
            self._crew.take_report(msg.node_id, msg.data)

    def _record(self, *, msg: Any, **_: object) -> None:
        if self._crew is not None:
            self._crew.take_record(msg.node_id, msg.data)


def _watch(orders: Orders) -> None:
    while True:
        gevent.sleep(1.0)
        orders.watch_parent()


def _new_folder() -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return Path(f"load-{stamp}").absolute()
