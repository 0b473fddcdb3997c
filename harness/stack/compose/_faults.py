"""The changes that faults make to single containers, and how they are reverted.

`EngineFaults` changes containers of a running stack. `restore` needs no stack: it reverts a change
from its record alone, after the process that made it has died.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from harness.errors import StackError

from .._containers import Record, Usage
from .._spec import StackSpec
from ._connections import connections_of, disconnect, reconnect
from ._containers import Containers
from ._disks import fill, free, has_room, named_disks
from ._engine import connect, engine_errors
from ._events import Events
from ._limits import limits_of, restore_limits, set_limits, usage_of
from ._project import STATE_LABEL


class EngineFaults:
    """The `Engine` of the compose backend."""

    def __init__(
        self,
        client: docker.DockerClient,
        spec: StackSpec,
        containers: Containers,
        events: Events,
    ) -> None:
        self._client, self._spec = client, spec
        self._containers, self._events = containers, events

    def record(self, service: str) -> Record:
        """Return container id, service, networks, limits and disks as they are now."""
        with self._inspected(service) as container:
            return {
                "container": container.id,
                "service": service,
                "networks": connections_of(self._client, container),
                "limits": limits_of(container),
                "disks": list(named_disks(self._spec.services[service])),
            }

    def restore(self, change: str, record: Record) -> str:
        """Revert `change` on a running stack."""
        service = record["service"]
        if change == "starve":
            self._events.tolerate_exit(service, tolerated=False)
        with engine_errors(f"{service}: {change} cannot be reverted"), _with_service_name(service):
            return _RESTORE[change](self._client, self._container(service), record)

    def disconnect(self, service: str, networks: Collection[str]) -> None:
        """Disconnect the container; its process runs on."""
        with engine_errors(f"{service}: cannot be disconnected"), _with_service_name(service):
            disconnect(self._client, self._container(service), networks)

    def hosts(self, service: str) -> Mapping[str, str]:
        """Return network -> IPv4 address of the container."""
        with self._inspected(service) as container:
            there = connections_of(self._client, container)
            return {name: str(one["host"]) for name, one in there.items()}

    def starve(self, service: str, *, cpu: float | None, memory: int | None) -> None:
        """Set the container's CPU quota or memory limit."""
        if memory is not None:
            self._events.tolerate_exit(service, tolerated=True)
        with engine_errors(f"{service}: cannot be starved"), _with_service_name(service):
            set_limits(self._client, self._container(service), cpu=cpu, memory=memory)

    def usage(self, service: str) -> Usage:
        """Return the container's limits and its use, from the engine's statistics."""
        with self._inspected(service) as container:
            return usage_of(self._client, container)

    def fill(self, service: str) -> None:
        """Fill every limited disk of the service."""
        known = self._spec.services[service]
        with engine_errors(f"{service}: its disk cannot be filled"):
            for path in named_disks(known):
                fill(self._container(service), path, known.disk or 0)

    def room(self, service: str) -> Mapping[str, bool]:
        """Return path -> True if a page can be written on that disk."""
        with self._inspected(service) as container:
            paths = named_disks(self._spec.services[service])
            return {path: has_room(container, path) for path in paths}

    def _container(self, service: str) -> Container:
        container = self._containers.get(service)
        container.reload()
        return container

    @contextmanager
    def _inspected(self, service: str) -> Iterator[Container]:
        with engine_errors(f"{service}: cannot be inspected"):
            yield self._container(service)


def restore(change: str, record: Record) -> str:
    """Revert `change` of a container whose harness has died; return what was done.

    Raises:
        StackError: the engine does not answer, or refused.
    """
    client, service = connect(), record.get("service", "?")
    try:
        with engine_errors(f"{service}: {change} cannot be reverted"), _with_service_name(service):
            try:
                container = client.containers.get(record["container"])
            except NotFound:
                return "its container is gone, and the fault with it"
            if STATE_LABEL not in container.labels:
                return "its container was not created by the harness, and was left alone"
            return _RESTORE[change](client, container, record)
    finally:
        client.close()


def _restore_networks(client: docker.DockerClient, container: Container, record: Record) -> str:
    joined = reconnect(client, container, record["networks"])
    return f"connected to {', '.join(joined)} again" if joined else "is on all its networks"


def _restore_limits(client: docker.DockerClient, container: Container, record: Record) -> str:
    changed = restore_limits(client, container, record["limits"])
    return (
        f"may use as much {' and '.join(changed)} as before" if changed else "is limited as before"
    )


def _free_disks(client: docker.DockerClient, container: Container, record: Record) -> str:
    del client
    for path in record["disks"]:
        free(container, path)
    return "its disk is no longer full"


def _unpause(client: docker.DockerClient, container: Container, record: Record) -> str:
    del client, record
    if container.status != "paused":
        return "is not paused any more"
    container.unpause()
    return "resumed"


_RESTORE: dict[str, Callable[[docker.DockerClient, Container, Record], str]] = {
    "disconnect": _restore_networks,
    "starve": _restore_limits,
    "fill": _free_disks,
    "pause": _unpause,
}


@contextmanager
def _with_service_name(service: str) -> Iterator[None]:
    """Put the name of the service in front of the message of a StackError."""
    try:
        yield
    except StackError as error:
        text = str(error)
        if text.startswith(service):
            raise
        raise StackError(f"{service}: {text}") from error
