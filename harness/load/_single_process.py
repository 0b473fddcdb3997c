"""A load without workers: started by a run, or by a file and Locust's start button."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

from harness.errors import ExitCode, HarnessError

from ._config import REPORTS, LoadConfig
from ._instructions import FileInstructions, Instructions, PipeInstructions
from ._recorder import Recorder
from ._session import Session


class SingleProcess:
    """Starts a session when Locust starts its test, and ends it when Locust stops."""

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
            instructions: Instructions = (
                PipeInstructions(self._end_without_parent)
                if REPORTS in os.environ
                else FileInstructions()
            )
        except HarnessError as error:
            print(f"load: {error}", flush=True)
            self._over(error.exit_code)
            return
        self._session = Session(self._client(), instructions, record=_record, on_over=self._over)
        self._session.start()

    def _instructions(self) -> Instructions:
        if REPORTS in os.environ:
            return PipeInstructions(self._end_without_parent)
        return FileInstructions()

    def _stop(self, **_: object) -> None:
        if self._session is not None:
            self._session.stop()

    def _over(self, code: ExitCode) -> None:
        self._environment.process_exit_code = int(code)
        runner: Any = self._environment.runner
        options: Any = self._environment.parsed_options
        gevent.spawn(runner.quit if options.headless else runner.stop)

    def _end_without_parent(self) -> None:
        """End the process: the run that would stop it has died."""
        self._stop()
        os._exit(ExitCode.BROKEN)


def _record(config: LoadConfig) -> Recorder:
    return Recorder(Path(config.part or f"parts/load-{config.worker_index}.jsonl"))
