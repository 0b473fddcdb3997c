"""What the services are doing, as the supervisor reports it; passed on to the run's sinks."""

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
_FIRST_LOOK, _LATER_LOOKS = 0.005, 0.05
_SETTLING = 0.1
"""A service that cannot be asked is taken as ready when it has not ended after this long."""


class Nodes:
    """The state of each service, and whoever waits for it to change. Any thread may ask."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._codes: dict[str, int | None] = {}
        self._starting: set[str] = set()
        self._changed = threading.Condition()
        self._aborted = False
        self._lines: LineSink | None = None
        self._nodes: NodeSink | None = None

    def forward_to(self, lines: LineSink | None, nodes: NodeSink | None) -> None:
        """Pass on what happens from now on."""
        self._lines, self._nodes = lines, nodes
        self._aborted = False

    def update(self, processes: Iterable[ProcessState]) -> None:
        """Take over how things stand, as told at once rather than as events."""
        with self._changed:
            for one in processes:
                self._states[one.service], self._codes[one.service] = one.state, one.code

    def state(self, service: str) -> str:
        """`running`, `paused` or `exited`; what never ran has exited."""
        return self._states.get(service, "exited")

    def is_starting(self, service: str) -> bool:
        """Whether somebody awaits its readiness."""
        return service in self._starting

    def abort_waits(self) -> None:
        """Let every waiting start fail: the whole one has."""
        with self._changed:
            self._aborted = True
            self._changed.notify_all()

    def await_ready(
        self, service: str, attempt: Callable[[], bool] | None, patience: float
    ) -> None:
        """Return when `attempt` succeeds; asked often at first, because most services are quick.

        Raises:
            StackError: the service ended, or `patience` did.
        """
        deadline = time.monotonic() + patience
        pause = _FIRST_LOOK if attempt else _SETTLING
        self._starting.add(service)
        try:
            while True:
                if attempt is not None and attempt():
                    break
                with self._changed:
                    ended = self._changed.wait_for(lambda: self._ended(service), pause)
                if ended:
                    raise StackError(self._end(service))
                if attempt is None:
                    break
                if time.monotonic() > deadline:
                    raise StackError(f"{service}: was not ready after {patience:g} s")
                pause = min(pause * 1.5, _LATER_LOOKS)
        finally:
            self._starting.discard(service)
        self._report(service, "ready", time.time())

    def on_event(self, event: Output | Changed) -> None:
        """Take note of `event` and pass it on."""
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
        """The supervisor is gone, and every service with it."""
        with self._changed:
            running = [name for name, state in self._states.items() if state != "exited"]
            self._states.update(dict.fromkeys(running, "exited"))
            self._changed.notify_all()
        for service in running:
            self._report(
                service, "exited", time.time(), planned=False, detail="the stack's supervisor died"
            )

    def _ended(self, service: str) -> bool:
        return self._aborted or self.state(service) == "exited"

    def _end(self, service: str) -> str:
        if self.state(service) != "exited":
            return f"{service}: its start was given up"
        code = self._codes.get(service)
        return f"{service}: ended while it was started ({exit_text(code)})"

    def _report(
        self, service: str, state: _State, t: float, *, planned: bool = True, detail: str = ""
    ) -> None:
        if self._nodes is not None:
            node = Node(t=t, service=service, state=state, planned=planned, detail=detail)
            self._call_sink(self._nodes, node)

    def _call_sink(self, sink: Callable[..., None], *arguments: object) -> None:
        try:
            sink(*arguments)
        except Exception:  # noqa: BLE001 - a sink that fails must not deafen us to the stack
            _log.exception("a sink of the stack's events failed")
