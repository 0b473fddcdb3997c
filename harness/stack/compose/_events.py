"""What the containers of a project do, as the engine tells it; passed on as nodes' changes.

A container that ends is `planned` if the harness asked for it just before. When the engine itself
goes away, everything that ran has ended, and nobody planned that.
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
from ._engine import LOST, told
from ._project import SERVICE, WORKER, Project

_State = Literal["started", "ready", "exited", "paused", "resumed"]
_STATES: dict[str, tuple[_State, str]] = {
    "start": ("started", "running"),
    "die": ("exited", "exited"),
    "pause": ("paused", "paused"),
    "unpause": ("resumed", "running"),
}
"""Event -> how it is told, and how the service stands after it."""

_STANDS = {"running": "running", "restarting": "running", "paused": "paused"}
"""A container's status -> how its service stands; exited otherwise."""


class Events:
    """The state of each service as its events say, and whoever waits for one."""

    def __init__(
        self,
        client: docker.DockerClient,
        project: Project,
        *,
        nodes: NodeSink,
        last_words: Callable[[str], str],
    ) -> None:
        self._client, self._project = client, project
        self._nodes, self._last_words = nodes, last_words
        self._states: dict[str, str] = {}
        self._details: dict[str, str] = {}
        self._planned: set[str] = set()
        self._excused: set[str] = set()
        self._changed = threading.Condition()
        self._closing = False
        self._given_up = False
        self._stream: Any = None
        self._thread = threading.Thread(target=self._run, name="engine-events", daemon=True)

    def start(self) -> None:
        """Listen from now on, beginning with how everything stands.

        Raises:
            StackError: the engine does not answer.
        """
        with told(f"{self._project.name}: the engine's events cannot be followed"):
            self._stream = self._client.api.events(filters=self._project.filters, decode=True)
            for service, container in self._project.containers(self._client).items():
                self._states[service] = _STANDS.get(container.status, "exited")
                if container.status == "exited":
                    code = str(container.attrs["State"].get("ExitCode", ""))
                    self._details[service] = _ending(code)
        self._thread.start()

    def close(self) -> None:
        """Report nothing any more."""
        self._closing = True
        if self._stream is not None:
            with suppress(*LOST, AttributeError):
                self._stream.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def state(self, service: str) -> str:
        """`running`, `paused` or `exited`; what never ran has exited."""
        return self._states.get(service, "exited")

    def detail(self, service: str) -> str:
        """How it ended, if it did."""
        return self._details.get(service, "")

    def give_up(self) -> None:
        """Let every waiting start fail: the whole one has."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def plan(self, service: str) -> None:
        """Its next end is asked for."""
        self._planned.add(service)

    def excuse(self, service: str, *, excused: bool) -> None:
        """Whether any end of it counts as asked for: it may be killed for want of memory."""
        (self._excused.add if excused else self._excused.discard)(service)

    def await_state(self, service: str, state: str, limit: float = 10.0) -> None:
        """Return when the engine has told that `service` is in `state`.

        Raises:
            StackError: it has not within `limit` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.state(service) == state, limit):
                raise StackError(
                    f"{service}: is {self.state(service)}, not {state}, after {limit:g} s"
                )

    def ended_within(self, service: str, seconds: float) -> bool:
        """Wait so long for the end of `service`, or for its start to be given up."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._given_up or self.state(service) == "exited", seconds
            )

    def ready(self, service: str) -> None:
        """Tell that it is."""
        self._report(Node(t=time.time(), service=service, state="ready"))

    def _run(self) -> None:
        with suppress(*LOST, ValueError):
            for event in self._stream:
                if event.get("Type") == "container" and event.get("Action") in _STATES:
                    self._take(event)
        if not self._closing:
            self._lost()

    def _take(self, event: Mapping[str, Any]) -> None:
        attributes = event["Actor"]["Attributes"]
        if WORKER in attributes:
            return
        service, told, stands = attributes.get(SERVICE, ""), *_STATES[event["Action"]]
        planned, detail = True, ""
        if told == "exited":
            planned = self._closing or service in self._planned | self._excused
            self._planned.discard(service)
            detail = _ending(attributes.get("exitCode", ""))
            if not planned:
                detail = f"{detail}; {self._last_words(service)}"
            self._details[service] = detail
        moment = event.get("timeNano", 0) / 1e9 or time.time()
        self._report(Node(t=moment, service=service, state=told, planned=planned, detail=detail))
        with self._changed:
            self._states[service] = stands
            self._changed.notify_all()

    def _lost(self) -> None:
        """The engine is gone, and every container with it."""
        with self._changed:
            running = [name for name, state in self._states.items() if state != "exited"]
            self._states.update(dict.fromkeys(running, "exited"))
            self._details.update(dict.fromkeys(running, "the Docker engine is gone"))
            self._changed.notify_all()
        for name in running:
            detail = "the Docker engine is gone"
            self._report(
                Node(t=time.time(), service=name, state="exited", planned=False, detail=detail)
            )

    def _report(self, node: Node) -> None:
        if not self._closing:
            with suppress(Exception):  # a sink that fails must not deafen us to the engine
                self._nodes(node)


def _ending(code: str) -> str:
    number = int(code) if code.isdigit() else 0
    # A shell's way of telling a signal; a container's only one.
    return exit_text(128 - number if 128 < number < 160 else number)
