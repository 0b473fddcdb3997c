"""One project's containers: started, ended, frozen through the engine, and asked how they stand."""

import math
from collections.abc import Callable, Collection, Mapping

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from harness.errors import StackError

from .._spec import Service
from ._engine import told
from ._events import Events
from ._logs import Log

_FREEZES = 5
"""Attempts; each tries for a while and thaws what it has frozen (seen at a load of 50)."""


class Containers:
    """By service; each change returns when the engine has told that it happened."""

    def __init__(
        self, found: Mapping[str, Container], logs: Mapping[str, Log], events: Events
    ) -> None:
        self._found, self._logs, self._events = found, logs, events

    def __contains__(self, service: str) -> bool:
        return service in self._found

    def every(self) -> Collection[Container]:
        """All there are."""
        return self._found.values()

    def get(self, service: str) -> Container:
        """The container of `service`.

        Raises:
            StackError: Compose made none.
        """
        if service not in self._found:
            raise StackError(f"{service}: Compose made no container for it; see its profiles")
        return self._found[service]

    def start(self, service: str) -> None:
        """Start one that is down."""
        with told(f"{service}: cannot be started"):
            self.get(service).start()
        self._events.await_state(service, "running")
        self._logs[service].follow()

    def kill(self, service: str) -> None:
        """SIGKILL."""
        if self._thaw(service):
            self._events.plan(service)
            with told(f"{service}: cannot be killed"):
                _unless_over(self.get(service).kill)
            self._await_end(service)

    def stop(self, service: Service) -> None:
        """SIGTERM, or what its image wants; SIGKILL after its grace period."""
        if self._thaw(service.name):
            self._events.plan(service.name)
            with told(f"{service.name}: cannot be stopped"):
                self.get(service.name).stop(timeout=math.ceil(service.stop_grace_period))
            self._await_end(service.name)

    def pause(self, service: str) -> None:
        """Freeze it."""
        state = self._events.state(service)
        if state == "exited":
            raise StackError(f"{service} is not running; launch it first")
        if state == "running":
            with told(f"{service}: cannot be paused"):
                _freeze(self.get(service))
            self._events.await_state(service, "paused")

    def resume(self, service: str) -> None:
        """The opposite of `pause`; a service that is not paused is left as it is."""
        if self._events.state(service) == "paused":
            with told(f"{service}: cannot be resumed"):
                self.get(service).unpause()
            self._events.await_state(service, "running")

    def pid(self, service: str) -> int | None:
        """Its first process, as the engine's machine counts; None if it is down."""
        container = self.get(service)
        with told(f"{service}: cannot be looked at"):
            try:
                container.reload()
            except NotFound:
                return None
        return container.attrs["State"].get("Pid") or None

    def _thaw(self, service: str) -> bool:
        """Whether it is up; the engine ends no container that is paused."""
        self.resume(service)
        return self._events.state(service) != "exited"

    def _await_end(self, service: str) -> None:
        self._events.await_state(service, "exited")
        self._logs[service].await_end(5.0)


def _freeze(container: Container) -> None:
    """Pause it; a busy machine's kernel (cgroup v1) may not manage to at once."""
    for attempt in range(1, _FREEZES + 1):
        try:
            container.pause()
        except APIError as error:
            if attempt == _FREEZES or "unable to freeze" not in str(error.explanation):
                raise
        else:
            return


def _unless_over(change: Callable[[], object]) -> None:
    """Do it; that it is over already is what was wanted."""
    try:
        change()
    except APIError as error:
        if error.status_code != 409:
            raise
