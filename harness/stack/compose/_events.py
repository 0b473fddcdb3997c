"""The states of a project's containers, from the engine's events, reported as `Node` events.

The exit of a container is `planned` if the harness caused it. When the engine itself ends, every
running container has exited unplanned.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

import docker

from harness.errors import StackError
from harness.history import Node

from .._exit_text import exit_text
from .._protocol import NodeSink
from ._engine import ENGINE_ERRORS, engine_errors
from ._project import SERVICE_LABEL, WORKER_LABEL, Project

_State = Literal["started", "ready", "exited", "paused", "resumed"]
_STATES: dict[str, tuple[_State, str]] = {
    "start": ("started", "running"),
    "die": ("exited", "exited"),
    "pause": ("paused", "paused"),
    "unpause": ("resumed", "running"),
}
"""The engine's action -> the state in the `Node` event, and the service's state after it."""

_STATE_OF_STATUS = {"running": "running", "restarting": "running", "paused": "paused"}
"""A container's status -> its service's state; `exited` for every other status."""


class Events:
    """Keeps the state of each service up to date, and lets callers wait for a state."""

    def __init__(
        self,
        client: docker.DockerClient,
        project: Project,
        *,
        nodes: NodeSink,
        log_tail: Callable[[str], str],
    ) -> None:
        self._client, self._project = client, project
        self._nodes, self._log_tail = nodes, log_tail
        self._states: dict[str, str] = {}
        self._details: dict[str, str] = {}
        self._planned: set[str] = set()
        self._exits_tolerated: set[str] = set()
        self._changed = threading.Condition()
        self._closing = False
        self._start_abandoned = False
        self._stream: Any = None
        self._thread = threading.Thread(target=self._run, name="engine-events", daemon=True)

    def start(self) -> None:
        """Read the present states, and follow the engine's events from now on.

        Raises:
            StackError: the engine does not answer.
        """
        with engine_errors(f"{self._project.name}: the engine's events cannot be followed"):
            self._stream = self._client.api.events(filters=self._project.filters, decode=True)
            for service, container in self._project.containers(self._client).items():
                self._states[service] = _STATE_OF_STATUS.get(container.status, "exited")
                if container.status == "exited":
                    code = str(container.attrs["State"].get("ExitCode", ""))
                    self._details[service] = _exit_detail(code)
        self._thread.start()

    def close(self) -> None:
        """Stop following; report nothing any more."""
        self._closing = True
        if self._stream is not None:
            with suppress(*ENGINE_ERRORS, AttributeError):
                self._stream.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def state(self, service: str) -> str:
        """Return `running`, `paused` or `exited` (also before its first start)."""
        return self._states.get(service, "exited")

    def detail(self, service: str) -> str:
        """Return how the service exited; empty if it did not."""
        return self._details.get(service, "")

    def abandon_start(self) -> None:
        """Make every waiting start fail, because the start of the stack has failed."""
        with self._changed:
            self._start_abandoned = True
            self._changed.notify_all()

    def expect_exit(self, service: str) -> None:
        """Count the next exit of `service` as planned."""
        self._planned.add(service)

    def tolerate_exit(self, service: str, *, tolerated: bool) -> None:
        """Count every exit of `service` as planned, or stop doing so.

        A service with a memory limit may be killed for lack of memory.
        """
        (self._exits_tolerated.add if tolerated else self._exits_tolerated.discard)(service)

    def await_state(self, service: str, state: str, limit: float = 10.0) -> None:
        """Return when the engine has reported that `service` is in `state`.

        Raises:
            StackError: not within `limit` wall-clock seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.state(service) == state, limit):
                raise StackError(
                    f"{service}: is {self.state(service)}, not {state}, after {limit:g} s"
                )

    def ended_within(self, service: str, seconds: float) -> bool:
        """Return True if `service` exits, or its start is abandoned, within `seconds`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._start_abandoned or self.state(service) == "exited", seconds
            )

    def report_ready(self, service: str) -> None:
        """Report that `service` is ready."""
        self._report(Node(t=time.time(), service=service, state="ready"))

    def _run(self) -> None:
        with suppress(*ENGINE_ERRORS, ValueError):
            for event in self._stream:
                if event.get("Type") == "container" and event.get("Action") in _STATES:
                    self._handle(event)
        if not self._closing:
            self._report_lost_engine()

    def _handle(self, event: Mapping[str, Any]) -> None:
        attributes = event["Actor"]["Attributes"]
        if WORKER_LABEL in attributes:
            return
        service = attributes.get(SERVICE_LABEL, "")
        reported, state = _STATES[event["Action"]]
        planned, detail = True, ""
        if reported == "exited":
            planned = self._closing or service in self._planned | self._exits_tolerated
            self._planned.discard(service)
            detail = _exit_detail(attributes.get("exitCode", ""))
            if not planned:
                detail = f"{detail}; {self._log_tail(service)}"
            self._details[service] = detail
        moment = event.get("timeNano", 0) / 1e9 or time.time()
        self._report(
            Node(t=moment, service=service, state=reported, planned=planned, detail=detail)
        )
        with self._changed:
            self._states[service] = state
            self._changed.notify_all()

    def _report_lost_engine(self) -> None:
        """Report that every running container has exited, because the engine has ended."""
        with self._changed:
            running = [name for name, state in self._states.items() if state != "exited"]
            self._states.update(dict.fromkeys(running, "exited"))
            self._details.update(dict.fromkeys(running, "the Docker engine has ended"))
            self._changed.notify_all()
        for name in running:
            detail = "the Docker engine has ended"
            self._report(
                Node(t=time.time(), service=name, state="exited", planned=False, detail=detail)
            )

    def _report(self, node: Node) -> None:
        if not self._closing:
            with suppress(Exception):  # an error of the sink must not end this thread
                self._nodes(node)


def _exit_detail(code: str) -> str:
    number = int(code) if code.isdigit() else 0
    # As in a shell, 128 + n means killed by signal n; the engine gives no other information.
    return exit_text(128 - number if 128 < number < 160 else number)
