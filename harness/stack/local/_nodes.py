"""The state of each service, from the supervisor's events; forwards them to the run's sinks."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Literal

from harness.errors import StackError
from harness.history import Node

from .._exit_text import exit_text
from .._protocol import LineSink, NodeSink
from ._messages import Changed, Output, ProcessState

_State = Literal["started", "ready", "exited", "paused", "resumed"]

_log = logging.getLogger(__name__)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.005, 0.05
"""Wall-clock seconds between two readiness probes: the first pause, and the longest."""

_SETTLING_TIME = 0.1
"""A service without a probe counts as ready if it still runs after so many wall-clock seconds."""


class Nodes:
    """The state of each service. Any thread may call any method."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._codes: dict[str, int | None] = {}
        self._starting: set[str] = set()
        self._changed = threading.Condition()
        self._aborted = False
        self._lines: LineSink | None = None
        self._nodes: NodeSink | None = None

    def forward_to(self, lines: LineSink | None, nodes: NodeSink | None) -> None:
        """Forward output and state changes to these sinks from now on."""
        self._lines, self._nodes = lines, nodes
        self._aborted = False

    def update(self, processes: Iterable[ProcessState]) -> None:
        """Set the states from a reply of the supervisor, when connecting to a running stack."""
        with self._changed:
            for process in processes:
                self._states[process.service] = process.state
                self._codes[process.service] = process.code

    def state(self, service: str) -> str:
        """Return `running`, `paused` or `exited`; a service that never ran is `exited`."""
        return self._states.get(service, "exited")

    def is_starting(self, service: str) -> bool:
        """Return True while a thread is in `await_ready` for `service`."""
        return service in self._starting

    def abort_waits(self) -> None:
        """Make every `await_ready` fail, because the start of the stack has failed."""
        with self._changed:
            self._aborted = True
            self._changed.notify_all()

    def await_ready(self, service: str, probe: Callable[[], bool] | None, timeout: float) -> None:
        """Return when `probe` succeeds, and report the service as ready.

        Args:
            service: the service to wait for.
            probe: called often at first, because most services are ready soon; None if the service
                has no port.
            timeout: in wall-clock seconds.

        Raises:
            StackError: the service exited, or was not ready in time.
        """
        deadline = time.monotonic() + timeout
        pause = _SHORTEST_PAUSE if probe else _SETTLING_TIME
        self._starting.add(service)
        try:
            while True:
                if probe is not None and probe():
                    break
                with self._changed:
                    failed = self._changed.wait_for(lambda: self._has_failed(service), pause)
                if failed:
                    raise StackError(self._failure_text(service))
                if probe is None:
                    break
                if time.monotonic() > deadline:
                    raise StackError(f"{service}: was not ready after {timeout:g} s")
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        finally:
            self._starting.discard(service)
        self._report(service, "ready", time.time())

    def on_event(self, event: Output | Changed) -> None:
        """Record `event`, and forward it to the sinks."""
        if isinstance(event, Output):
            if self._lines is not None:
                for line in event.lines:
                    self._call_sink(self._lines, event.service, line, event.t)
            return
        state = "running" if event.state in ("started", "resumed") else event.state
        with self._changed:
            self._states[event.service] = state
            self._codes[event.service] = event.code
            self._changed.notify_all()
        detail = exit_text(event.code) if event.state == "exited" else ""
        self._report(event.service, event.state, event.t, planned=event.planned, detail=detail)

    def on_lost(self) -> None:
        """Record that the supervisor has ended, and with it every service."""
        with self._changed:
            running = [name for name, state in self._states.items() if state != "exited"]
            self._states.update(dict.fromkeys(running, "exited"))
            self._changed.notify_all()
        for service in running:
            self._report(
                service,
                "exited",
                time.time(),
                planned=False,
                detail="the stack's supervisor has ended",
            )

    def _has_failed(self, service: str) -> bool:
        return self._aborted or self.state(service) == "exited"

    def _failure_text(self, service: str) -> str:
        if self.state(service) != "exited":
            return f"{service}: its start was cancelled"
        code = self._codes.get(service)
        return f"{service}: exited during its start ({exit_text(code)})"

    def _report(
        self, service: str, state: _State, t: float, *, planned: bool = True, detail: str = ""
    ) -> None:
        if self._nodes is not None:
            node = Node(t=t, service=service, state=state, planned=planned, detail=detail)
            self._call_sink(self._nodes, node)

    def _call_sink(self, sink: Callable[..., None], *arguments: object) -> None:
        try:
            sink(*arguments)
        except Exception:  # noqa: BLE001 - after a sink fails, later events must still be read
            _log.exception("a sink of the stack's events failed")
