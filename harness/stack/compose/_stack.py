"""A stack in containers: `ComposeStack`."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import docker

from harness.errors import StackError
from harness.files import PRIVATE, write_file

from .._containers import Engine
from .._log_files import LogFiles
from .._protocol import GoneError, LineSink, NodeSink, NodeStatus, Settings
from .._saved_stack import load_stack, make_state_dir
from .._spec import Service, StackSpec
from .._spec_json import spec_from_json, spec_to_json
from ._containers import Containers
from ._creation import Creation
from ._engine import connect, engine_errors
from ._events import Events
from ._evidence import versions
from ._faults import EngineFaults
from ._links import Links
from ._logs import Log
from ._override import Addresses, addresses_in
from ._priority import drop_priority, lower_priority
from ._project import Project
from ._readiness import API, Readiness
from ._start import start_all

_Part = TypeVar("_Part")

_READY_TIMEOUT = 60.0
"""Wall-clock seconds that a service may take to be ready."""


class ComposeStack:
    """The `Stack` of the compose backend.

    Args:
        spec: the stack.
        state_dir: the directory for its state and logs.
        ready_timeout: wall-clock seconds that a service may take to be ready.
    """

    backend = "compose"

    def __init__(
        self, spec: StackSpec, state_dir: Path, *, ready_timeout: float = _READY_TIMEOUT
    ) -> None:
        self._spec = spec
        self._project = Project.of(spec.name, state_dir)
        self._files = LogFiles(self._project.state_dir / "logs")
        self._ready_timeout = ready_timeout
        self._client: docker.DockerClient | None = None
        self._creation: Creation | None = None
        self._addresses: Addresses | None = None
        self._containers: Containers | None = None
        self._events: Events | None = None
        self._engine: Engine | None = None
        self._readiness: Readiness | None = None
        self._logs: dict[str, Log] = {}
        self._links = Links(spec, api=self.toxiproxy, address=self.address)
        self._closing = threading.Lock()

    @classmethod
    def attach(cls, state_dir: Path) -> Self:
        """Return the stack that was left running in `state_dir`.

        Raises:
            StackError: no stack runs there, or no Docker engine answers.
        """

        def load(saved: bytes) -> tuple[StackSpec, Addresses]:
            project = Project.find(state_dir)
            if project is None:
                raise FileNotFoundError
            return spec_from_json(saved), addresses_in(project.override.read_text())

        spec, addresses = load_stack(state_dir, load)
        stack = cls(spec, state_dir)
        stack._addresses = addresses
        stack._client = client = connect()
        try:
            stack._creation = Creation(client, stack._spec, stack._project)
            stack._creation.require_running()
            stack._follow(client, lambda *_: None, lambda _: None)
        except StackError:
            stack._stop_following()
            client.close()
            raise
        return stack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def spec(self) -> StackSpec:
        """The description of the stack."""
        return self._spec

    def start(self, settings: Settings, *, lines: LineSink, nodes: NodeSink) -> None:
        """Create and start every container; return when every service is ready.

        Raises:
            StackError: no engine or Compose answers, or a service did not start.
        """
        if settings.epoch is None:
            settings = replace(settings, epoch=time.time())
        self._client = client = connect()
        try:
            creation = Creation(client, self._spec, self._project)
            creation.require_stopped()
            self._creation = creation  # from here on, `close` removes the containers
            make_state_dir(self._project.state_dir)
            self._files.begin()
            self._addresses = creation.create(settings).addresses
            self._follow(client, lines, nodes)
            self._start()
        except BaseException:
            if self._events is not None:
                self._events.abandon_start()
            with suppress(StackError):  # the first error is the one to report
                self.close()
            raise

    def detach(self) -> None:
        """Leave the containers running and close the connection to the engine."""
        with self._closing:
            client, self._client = self._client, None
            if client is not None:
                write_file(self._project.saved_spec, spec_to_json(self._spec), mode=PRIVATE)
                self._stop_following()
                client.close()

    def close(self) -> None:
        """Remove every container, network and volume of the project.

        Raises:
            StackError: the engine does not answer; `harness heal` removes the rest later.
        """
        with self._closing:
            client, self._client = self._client, None
            if client is None:
                return
            self._stop_following()
            try:
                if self._containers is not None:
                    drop_priority(self._containers.every())
                if self._creation is not None:
                    self._creation.remove()
            finally:
                client.close()

    def status(self) -> list[NodeStatus]:
        """Return the state of each service, from the engine's events and readiness checks."""
        services = list(self._spec.services.values())
        with ThreadPoolExecutor(len(services) or 1) as pool:
            return list(pool.map(self._status, services))

    def address(self, service: str) -> str:
        """Return the fixed address of the service's container."""
        port = self._known(service).port
        if port is None:
            raise StackError(f"{service}: has no port; give it one in x-harness.port")
        return f"{self._host(service)}:{port}"

    def link_address(self, link: str) -> str:
        """Return the address of the proxy in the Toxiproxy's container."""
        if link not in self._spec.links:
            names = ", ".join(self._spec.links)
            raise StackError(f"no link is called {link!r}; one of {names}")
        return f"{self._host(self._spec.toxiproxy)}:{self._spec.links[link].listen}"

    def toxiproxy(self) -> str:
        """Return the address of the API in the Toxiproxy's container.

        Raises:
            GoneError: the container has exited.
        """
        name = self._spec.toxiproxy
        if self._container_events.state(name) == "exited":
            raise GoneError(
                f"{name}: has ended ({self._container_events.detail(name) or 'not started'})"
            )
        return self._api

    def kill(self, service: str) -> None:
        """Send SIGKILL; the service's links refuse connections until it is started again."""
        self._known(service)
        self._links.refuse(service)
        self._all.kill(service)

    def stop(self, service: str) -> None:
        """Send the image's stop signal, then SIGKILL; its links then refuse connections."""
        known = self._known(service)
        self._all.stop(known)  # first, because it may still answer requests in flight
        self._links.refuse(service)

    def pause(self, service: str) -> None:
        """Pause the container."""
        self._known(service)
        self._all.pause(service)

    def resume(self, service: str) -> None:
        """Unpause the container."""
        self._known(service)
        self._all.resume(service)

    def launch(self, service: str) -> None:
        """Start the container, wait until the service is ready, and restore its links."""
        self._known(service)
        if self._container_events.state(service) == "exited":
            self._all.start(service)
            if self._is_connected(service):
                self._ready.await_ready(service)
            self._links.restore(service)

    def keep_upstream(self, link: str) -> AbstractContextManager[object]:
        """Keep the upstream of `link` during the block."""
        return self._links.keep_upstream(link)

    @property
    def engine(self) -> Engine:
        """The changes to containers that only the engine can make."""
        return self._running(self._engine)

    def versions(self) -> dict[str, str]:
        """Return the versions of engine, Compose, Toxiproxy, PostgreSQL and images."""
        client = self._running(self._client)
        compose = self._running(self._creation).compose
        with engine_errors("the stack's containers cannot be listed"):
            found = self._project.containers(client)
        return versions(client, compose, self._spec, found, self.toxiproxy())

    def _stop_following(self) -> None:
        """Stop following events and logs."""
        if self._events is not None:
            self._events.close()
        for log in self._logs.values():
            log.close()

    def _follow(self, client: docker.DockerClient, lines: LineSink, nodes: NodeSink) -> None:
        found = self._project.containers(client)
        self._logs = {
            name: Log(
                client,
                container.id or name,
                self._files.path(name),
                partial(lines, name),
                partial(self._files.mark_lost, name),
            )
            for name, container in found.items()
        }
        self._events = Events(client, self._project, nodes=nodes, log_tail=self._log_tail)
        self._events.start()
        self._readiness = Readiness(
            self._spec,
            self._events,
            host=self._host,
            log_tail=self._log_tail,
            timeout=self._ready_timeout,
        )
        self._containers = Containers(found, self._logs, self._events)
        self._engine = EngineFaults(client, self._spec, self._containers, self._events)

    def _start(self) -> None:
        services, toxiproxy = self._spec.services, self._spec.toxiproxy

        def links(_: str) -> None:
            self._all.start(toxiproxy)
            self._ready.await_ready(toxiproxy)
            self._links.create()

        with lower_priority(self._all.every()):
            for name in self._logs.keys() - services.keys() - {toxiproxy}:
                self._all.start(name)  # not in the spec, so there is no readiness check
            start_all(services, start=self._all.start, ready=self._ready.await_ready, links=links)

    @property
    def _api(self) -> str:
        return f"{self._host(self._spec.toxiproxy)}:{API}"

    @property
    def _all(self) -> Containers:
        return self._running(self._containers)

    @property
    def _container_events(self) -> Events:
        return self._running(self._events)

    @property
    def _ready(self) -> Readiness:
        return self._running(self._readiness)

    def _running(self, part: _Part | None) -> _Part:
        if part is None:
            raise StackError("the stack is not running; start it")
        return part

    def _known(self, service: str) -> Service:
        if service not in self._spec.services:
            names = ", ".join(self._spec.services)
            raise StackError(f"no service is called {service!r}; one of {names}")
        return self._spec.services[service]

    def _host(self, service: str) -> str:
        addresses = self._running(self._addresses).get(service) or {}
        if not addresses:
            raise StackError(f"{service}: is on no network of this project; give it one")
        return next(iter(addresses.values()))

    def _is_connected(self, service: str) -> bool:
        """Return True if the service is on its first network; a fault may have disconnected it."""
        given = self._running(self._addresses).get(service) or {}
        return not given or next(iter(given)) in self.engine.hosts(service)

    def _log_tail(self, service: str) -> str:
        if service in self._logs:
            self._logs[service].await_end(2.0)
        return self._files.log_tail(service)

    def _status(self, service: Service) -> NodeStatus:
        name = service.name
        state, ready = self._ready.state(name)
        address = self.address(name) if service.port is not None else None
        if state == "exited":
            detail = self._container_events.detail(name) or "not started"
            return NodeStatus(name, state, ready, address=address, detail=detail)
        return NodeStatus(name, state, ready, self._all.pid(name), address)
