"""What the engine does to single containers on behalf of faults, and how it is taken back.

`EngineFaults` serves a running stack. `restore` needs no stack: it takes a change back from its
record alone, when the process that made it is gone.
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
from ._engine import connect, told
from ._events import Events
from ._limits import limit, limits_of, unlimit, usage_of
from ._project import OWN


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
        """How it is now."""
        with self._looking(service) as container:
            return {
                "container": container.id,
                "service": service,
                "networks": connections_of(self._client, container),
                "limits": limits_of(container),
                "disks": list(named_disks(self._spec.services[service])),
            }

    def restore(self, change: str, record: Record) -> str:
        """Take `change` back."""
        service = record["service"]
        if change == "starve":
            self._events.excuse(service, excused=False)
        with told(f"{service}: {change} cannot be taken back"), _named(service):
            return _RESTORE[change](self._client, self._container(service), record)

    def disconnect(self, service: str, networks: Collection[str]) -> None:
        """Take it off `networks`."""
        with told(f"{service}: cannot be disconnected"), _named(service):
            disconnect(self._client, self._container(service), networks)

    def hosts(self, service: str) -> Mapping[str, str]:
        """Its addresses."""
        with self._looking(service) as container:
            there = connections_of(self._client, container)
            return {name: str(one["host"]) for name, one in there.items()}

    def starve(self, service: str, *, cpu: float | None, memory: int | None) -> None:
        """Limit it."""
        if memory is not None:
            self._events.excuse(service, excused=True)
        with told(f"{service}: cannot be starved"), _named(service):
            limit(self._client, self._container(service), cpu=cpu, memory=memory)

    def usage(self, service: str) -> Usage:
        """What it uses."""
        with self._looking(service) as container:
            return usage_of(self._client, container)

    def fill(self, service: str) -> None:
        """Leave no room on its disks."""
        known = self._spec.services[service]
        with told(f"{service}: its disk cannot be filled"):
            for path in named_disks(known):
                fill(self._container(service), path, known.disk or 0)

    def room(self, service: str) -> Mapping[str, bool]:
        """Whether its disks have room for a page."""
        with self._looking(service) as container:
            paths = named_disks(self._spec.services[service])
            return {path: has_room(container, path) for path in paths}

    def _container(self, service: str) -> Container:
        container = self._containers.get(service)
        container.reload()
        return container

    @contextmanager
    def _looking(self, service: str) -> Iterator[Container]:
        with told(f"{service}: cannot be looked at"):
            yield self._container(service)


def restore(change: str, record: Record) -> str:
    """Take `change` back although nobody holds the stack any more; what was done.

    Raises:
        StackError: the engine does not answer, or refused.
    """
    client, service = connect(), record.get("service", "?")
    try:
        with told(f"{service}: {change} cannot be taken back"), _named(service):
            try:
                container = client.containers.get(record["container"])
            except NotFound:
                return "its container is gone, and the fault with it"
            if OWN not in container.labels:
                return "its container is not the harness's own, and was left alone"
            return _RESTORE[change](client, container, record)
    finally:
        client.close()


def _connect(client: docker.DockerClient, container: Container, record: Record) -> str:
    did = reconnect(client, container, record["networks"])
    return f"connected to {', '.join(did)} again" if did else "is on all its networks"


def _feed(client: docker.DockerClient, container: Container, record: Record) -> str:
    did = unlimit(client, container, record["limits"])
    return f"may use as much {' and '.join(did)} as before" if did else "is limited as before"


def _free(client: docker.DockerClient, container: Container, record: Record) -> str:
    del client
    for path in record["disks"]:
        free(container, path)
    return "its disk is no longer full"


def _thaw(client: docker.DockerClient, container: Container, record: Record) -> str:
    del client, record
    if container.status != "paused":
        return "is not paused any more"
    container.unpause()
    return "resumed"


_RESTORE: dict[str, Callable[[docker.DockerClient, Container, Record], str]] = {
    "disconnect": _connect,
    "starve": _feed,
    "fill": _free,
    "pause": _thaw,
}


@contextmanager
def _named(service: str) -> Iterator[None]:
    """Say whose trouble it is."""
    try:
        yield
    except StackError as error:
        text = str(error)
        if text.startswith(service):
            raise
        raise StackError(f"{service}: {text}") from error
