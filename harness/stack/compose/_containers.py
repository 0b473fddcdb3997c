"""The containers of one project: start, kill, stop, pause, resume and inspect them."""

import math
from collections.abc import Callable, Collection, Mapping

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from harness.errors import StackError

from .._spec import Service
from ._engine import engine_errors
from ._events import Events
from ._logs import Log

_PAUSE_ATTEMPTS = 5
"""On a busy machine an attempt may fail, and the engine unpauses what it had paused (seen at a load
average of 50)."""


class Containers:
    """The containers by service; each change returns when the engine has reported it."""

    def __init__(
        self, found: Mapping[str, Container], logs: Mapping[str, Log], events: Events
    ) -> None:
        self._found, self._logs, self._events = found, logs, events

    def __contains__(self, service: str) -> bool:
        return service in self._found

    def every(self) -> Collection[Container]:
        """Return all containers."""
        return self._found.values()

    def get(self, service: str) -> Container:
        """Return the container of `service`.

        Raises:
            StackError: Compose created none.
        """
        if service not in self._found:
            raise StackError(f"{service}: Compose created no container for it; check its profiles")
        return self._found[service]

    def start(self, service: str) -> None:
        """Start the container of `service`, and follow its log."""
        with engine_errors(f"{service}: cannot be started"):
            self.get(service).start()
        self._events.await_state(service, "running")
        self._logs[service].follow()

    def kill(self, service: str) -> None:
        """Send SIGKILL and wait until the container has exited; no-op if it is not running."""
        self.resume(service)  # the engine does not kill a paused container
        if self._is_up(service):
            self._events.expect_exit(service)
            with engine_errors(f"{service}: cannot be killed"):
                _ignore_not_running(self.get(service).kill)
            self._await_end(service)

    def stop(self, service: Service) -> None:
        """Send the image's stop signal, then SIGKILL after the service's grace period."""
        self.resume(service.name)  # the engine does not stop a paused container
        if self._is_up(service.name):
            self._events.expect_exit(service.name)
            with engine_errors(f"{service.name}: cannot be stopped"):
                self.get(service.name).stop(timeout=math.ceil(service.stop_grace_period))
            self._await_end(service.name)

    def pause(self, service: str) -> None:
        """Pause the container.

        Raises:
            StackError: it does not run.
        """
        state = self._events.state(service)
        if state == "exited":
            raise StackError(f"{service} is not running; launch it first")
        if state == "running":
            with engine_errors(f"{service}: cannot be paused"):
                _pause_with_retries(self.get(service))
            self._events.await_state(service, "paused")

    def resume(self, service: str) -> None:
        """Unpause the container; no-op if it is not paused."""
        if self._events.state(service) == "paused":
            with engine_errors(f"{service}: cannot be resumed"):
                self.get(service).unpause()
            self._events.await_state(service, "running")

    def pid(self, service: str) -> int | None:
        """Return the host's process id of its first process; None if it is down."""
        container = self.get(service)
        with engine_errors(f"{service}: cannot be inspected"):
            try:
                container.reload()
            except NotFound:
                return None
        return container.attrs["State"].get("Pid") or None

    def _is_up(self, service: str) -> bool:
        return self._events.state(service) != "exited"

    def _await_end(self, service: str) -> None:
        self._events.await_state(service, "exited")
        self._logs[service].await_end(5.0)


def _pause_with_retries(container: Container) -> None:
    """Pause the container; on a busy machine, cgroup v1 may need several attempts."""
    for attempt in range(1, _PAUSE_ATTEMPTS + 1):
        try:
            container.pause()
        except APIError as error:
            if attempt == _PAUSE_ATTEMPTS or "unable to freeze" not in str(error.explanation):
                raise
        else:
            return


def _ignore_not_running(change: Callable[[], object]) -> None:
    """Call `change`; ignore the conflict (409) that the engine reports for an exited container."""
    try:
        change()
    except APIError as error:
        if error.status_code != 409:
            raise
