"""A stack in containers, as the rest of the harness holds it: `ComposeStack`."""

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

from .._containers import Engine
from .._log_files import LogFiles
from .._protocol import GoneError, LineSink, NodeSink, NodeStatus, Settings
from .._saved_stack import load_stack
from .._spec import Service, StackSpec
from .._spec_json import spec_from_json, spec_to_json
from ._containers import Containers
from ._engine import connect, told
from ._events import Events
from ._evidence import versions
from ._faults import EngineFaults
from ._links import Links
from ._logs import Log
from ._maker import Maker
from ._override import Addresses, addresses_in
from ._project import Project
from ._readiness import API, Readiness
from ._shares import modest, step_back
from ._start import start_all

_Part = TypeVar("_Part")

_PATIENCE = 60.0
"""Seconds that a service may take to be ready."""


class ComposeStack:
    """The `Stack` of the compose backend. `patience` is how long a service may take to be ready."""

    backend = "compose"

    def __init__(self, spec: StackSpec, state_dir: Path, *, patience: float = _PATIENCE) -> None:
        self._spec = spec
        self._project = Project.of(spec.name, state_dir)
        self._files = LogFiles(self._project.state_dir / "logs")
        self._patience = patience
        self._client: docker.DockerClient | None = None
        self._maker: Maker | None = None
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
            project = Project.left_in(state_dir)
            if project is None:
                raise FileNotFoundError
            return spec_from_json(saved), addresses_in(project.override.read_text())

        spec, addresses = load_stack(state_dir, load)
        stack = cls(spec, state_dir)
        stack._addresses = addresses
        stack._client = client = connect()
        try:
            stack._maker = Maker(client, stack._spec, stack._project)
            stack._maker.require_living()
            stack._listen(client, lambda *_: None, lambda _: None)
        except StackError:
            stack._hang_up()
            client.close()
            raise
        return stack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def spec(self) -> StackSpec:
        """What was started."""
        return self._spec

    def start(self, settings: Settings, *, lines: LineSink, nodes: NodeSink) -> None:
        """Start everything and return when every service is ready.

        Raises:
            StackError: no engine or Compose answers, or a service did not start.
        """
        if settings.epoch is None:
            settings = replace(settings, epoch=time.time())
        self._client = client = connect()
        try:
            maker = Maker(client, self._spec, self._project)
            maker.refuse_living()
            self._maker = maker  # from here on, what is there is ours to remove
            self._files.begin()
            self._addresses = maker.make(settings).addresses
            self._listen(client, lines, nodes)
            self._start()
        except BaseException:
            if self._events is not None:
                self._events.give_up()
            with suppress(StackError):  # what went wrong first is what to tell
                self.close()
            raise

    def detach(self) -> None:
        """Leave the stack running; `attach` finds it again."""
        with self._closing:
            client, self._client = self._client, None
            if client is not None:
                self._project.left.write_bytes(spec_to_json(self._spec))
                self._hang_up()
                client.close()

    def close(self) -> None:
        """Stop everything; nothing of the stack is left afterwards. May be called twice.

        Raises:
            StackError: the engine does not answer; `harness heal` removes the rest later.
        """
        with self._closing:
            client, self._client = self._client, None
            if client is None:
                return
            self._hang_up()
            try:
                if self._containers is not None:
                    step_back(self._containers.every())
                if self._maker is not None:
                    self._maker.unmake()
            finally:
                client.close()

    def status(self) -> list[NodeStatus]:
        """How each service stands."""
        services = list(self._spec.services.values())
        with ThreadPoolExecutor(len(services) or 1) as pool:
            return list(pool.map(self._status, services))

    def address(self, service: str) -> str:
        """`host:port` of `service` past every link."""
        port = self._known(service).port
        if port is None:
            raise StackError(f"{service}: has no port; give it one in x-harness.port")
        return f"{self._host(service)}:{port}"

    def link_address(self, link: str) -> str:
        """`host:port` at which `link`'s proxy listens."""
        if link not in self._spec.links:
            names = ", ".join(self._spec.links)
            raise StackError(f"no link is called {link!r}; one of {names}")
        return f"{self._host(self._spec.toxiproxy)}:{self._spec.links[link].listen}"

    def toxiproxy(self) -> str:
        """`host:port` of the Toxiproxy API.

        Raises:
            GoneError: the Toxiproxy has ended, and its toxics with it.
        """
        name = self._spec.toxiproxy
        if self._told.state(name) == "exited":
            raise GoneError(f"{name}: has ended ({self._told.detail(name) or 'not started'})")
        return self._api

    def kill(self, service: str) -> None:
        """End it at once, as kill -9 does, and leave it down."""
        self._known(service)
        self._links.refuse(service)
        self._all.kill(service)

    def stop(self, service: str) -> None:
        """End it as `docker stop` does: SIGTERM, then SIGKILL after its grace period."""
        known = self._known(service)
        self._all.stop(known)  # first: it may answer what it was asked
        self._links.refuse(service)

    def pause(self, service: str) -> None:
        """Freeze it; connections stay open and nothing answers."""
        self._known(service)
        self._all.pause(service)

    def resume(self, service: str) -> None:
        """The opposite of `pause`."""
        self._known(service)
        self._all.resume(service)

    def launch(self, service: str) -> None:
        """Start a service that is down, and return when it is ready; no-op if it runs."""
        self._known(service)
        if self._told.state(service) == "exited":
            self._all.start(service)
            if self._is_connected(service):
                self._ready.await_answer(service)
            self._links.restore(service)

    def keep_upstream(self, link: str) -> AbstractContextManager[object]:
        """While the block lasts, the proxy of `link` leads where it leads now."""
        return self._links.keep_upstream(link)

    @property
    def engine(self) -> Engine:
        """What only the engine can do to the services."""
        return self._running(self._engine)

    def versions(self) -> dict[str, str]:
        """What runs, for the evidence."""
        client = self._running(self._client)
        compose = self._running(self._maker).compose
        with told("the stack's containers cannot be listed"):
            found = self._project.containers(client)
        return versions(client, compose, self._spec, found, self.toxiproxy())

    # Below: how it is done.

    def _hang_up(self) -> None:
        """Hear nothing of the engine any more."""
        if self._events is not None:
            self._events.close()
        for log in self._logs.values():
            log.close()

    def _listen(self, client: docker.DockerClient, lines: LineSink, nodes: NodeSink) -> None:
        found = self._project.containers(client)
        self._logs = {
            name: Log(client, container.id or name, self._files.path(name), partial(lines, name))
            for name, container in found.items()
        }
        self._events = Events(client, self._project, nodes=nodes, last_words=self._last_words)
        self._events.start()
        self._readiness = Readiness(
            self._spec,
            self._events,
            host=self._host,
            last_words=self._last_words,
            patience=self._patience,
        )
        self._containers = Containers(found, self._logs, self._events)
        self._engine = EngineFaults(client, self._spec, self._containers, self._events)

    def _start(self) -> None:
        services, toxiproxy = self._spec.services, self._spec.toxiproxy

        def links(_: str) -> None:
            self._all.start(toxiproxy)
            self._ready.await_answer(toxiproxy)
            self._links.create()

        with modest(self._all.every()):
            for name in self._logs.keys() - services.keys() - {toxiproxy}:
                self._all.start(name)  # and nobody can be asked whether it is ready
            start_all(services, start=self._all.start, ready=self._ready.await_answer, links=links)

    @property
    def _api(self) -> str:
        return f"{self._host(self._spec.toxiproxy)}:{API}"

    @property
    def _all(self) -> Containers:
        return self._running(self._containers)

    @property
    def _told(self) -> Events:
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
        """Whether it can be asked; a fault may have taken it off its network."""
        given = self._running(self._addresses).get(service) or {}
        return not given or next(iter(given)) in self.engine.hosts(service)

    def _last_words(self, service: str) -> str:
        if service in self._logs:
            self._logs[service].await_end(2.0)
        return self._files.log_tail(service)

    def _status(self, service: Service) -> NodeStatus:
        name = service.name
        state, ready = self._ready.state(name)
        address = self.address(name) if service.port is not None else None
        if state == "exited":
            detail = self._told.detail(name) or "not started"
            return NodeStatus(name, state, ready, address=address, detail=detail)
        return NodeStatus(name, state, ready, self._all.pid(name), address)
