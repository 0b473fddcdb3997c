"""`LocalStack`, the `Stack` of the local backend."""

import os
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

import msgspec

import harness
from harness.errors import StackError
from harness.files import PRIVATE, write_file

from .._exit_text import exit_text
from .._probe import probe_for
from .._protocol import GoneError, LineSink, NodeSink, NodeStatus, Settings
from .._proxies import toxiproxy_version
from .._saved_stack import load_stack
from .._spec import Service, StackSpec
from .._spec_json import spec_from_json, spec_to_json
from ._client import Client
from ._messages import (
    Detach,
    Follow,
    ListProcesses,
    ProcessState,
    Reply,
    Request,
    Shutdown,
    Signal,
    Spawn,
)
from ._nodes import Nodes
from ._plan import Plan
from ._start import Starter
from ._state import StateDir
from ._supervisor_process import lock_state_dir, start_supervisor, stop_supervisor
from ._sweep import sweep

_READY_TIMEOUT = 30.0
"""Wall-clock seconds that a service may take to be ready."""


class _Saved(msgspec.Struct):
    """The content of state.json: what `attach` needs."""

    spec: msgspec.Raw
    plan: Plan


class LocalStack:
    """The `Stack` of the local backend, whose processes a supervisor runs.

    `ready_timeout` is how long a service may take to be ready, in wall-clock seconds.
    """

    backend = "local"

    def __init__(
        self, spec: StackSpec, state_dir: Path, *, ready_timeout: float = _READY_TIMEOUT
    ) -> None:
        self._spec = spec
        self._state = StateDir(state_dir)
        self._ready_timeout = ready_timeout
        self._nodes = Nodes()
        self._client: Client | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._plan: Plan | None = None
        self._close_lock = threading.Lock()

    @classmethod
    def attach(
        cls, state_dir: Path, *, lines: LineSink | None = None, nodes: NodeSink | None = None
    ) -> Self:
        """Return the stack that was left running in `state_dir`.

        Raises:
            StackError: no stack runs there.
        """
        state = StateDir(state_dir)

        def load(saved: bytes) -> tuple[StackSpec, Plan, socket.socket]:
            content = msgspec.json.decode(saved, type=_Saved)
            return spec_from_json(bytes(content.spec)), content.plan, state.connect(5.0)

        spec, plan, connection = load_stack(state.root, load)
        stack = cls(spec, state_dir)
        stack._plan = plan
        stack._follow(connection, lines, nodes)
        return stack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def spec(self) -> StackSpec:
        """The description from which it was made."""
        return self._spec

    def start(self, settings: Settings, *, lines: LineSink, nodes: NodeSink) -> None:
        """Start all services; if one fails, stop and remove everything again.

        Raises:
            StackError: a service did not start, or a stack already runs in the state directory.
        """
        if settings.epoch is None:
            settings = replace(settings, epoch=time.time())
        lock = lock_state_dir(self._state)
        starter = Starter(self._spec, settings, self._state)
        try:
            starter.prepare_data()
            self._reaper, parent_pipe = start_supervisor(self._state, lock)
            self._follow(parent_pipe, lines, nodes)
            self._plan = starter.plan(self._call)
            saved = _Saved(msgspec.Raw(spec_to_json(self._spec)), self._plan)
            write_file(self._state.state, msgspec.json.encode(saved), mode=PRIVATE)
            starter.start_all(self._plan, self._call, self._await_ready)
        except BaseException:
            self._nodes.abort_waits()
            starter.close()
            os.close(lock)
            self._clean_up_failed_start()
            raise
        starter.close()
        os.close(lock)

    def detach(self) -> None:
        """Leave the stack running; `attach` returns it later."""
        if self._client is not None:
            self._call(Detach())
            self._client.close()
            self._client = None
            if self._reaper is not None:  # Popen warns when a child was not waited for
                self._reaper.returncode = 0
                self._reaper = None

    def close(self) -> None:
        """Stop the services in order, then the supervisor; remove all but the logs."""
        with self._close_lock:
            client, self._client = self._client, None
            if client is None:
                return
            grace = max((s.stop_grace_period for s in self._spec.services.values()), default=0)
            with suppress(StackError):  # then stop_supervisor signals it
                client.call(Shutdown(), timeout=2 * grace + 10)
            client.close()
            stop_supervisor(self._state, self._reaper)
            self._reaper = self._plan = None

    def status(self) -> list[NodeStatus]:
        """Return the state of each service, from the supervisor and a readiness probe."""
        processes = {s.service: s for s in self._call(ListProcesses()).processes}
        services = list(self._spec.services.values())
        # Probed concurrently: a service that hangs must not delay the others.
        with ThreadPoolExecutor(len(services) or 1) as pool:
            return list(pool.map(lambda s: self._status(s, processes.get(s.name)), services))

    def address(self, service: str) -> str:
        """Return `host:port` of `service` on loopback."""
        self._get_service(service)
        if service not in self._planned.ports:
            raise StackError(f"{service}: has no port; give it one in x-harness.port")
        return self._planned.address(service)

    def link_address(self, link: str) -> str:
        """Return `host:port` of the proxy of `link` on loopback."""
        if link not in self._planned.links:
            names = ", ".join(self._spec.links)
            raise StackError(f"no link is called {link!r}; one of {names}")
        return f"127.0.0.1:{self._planned.links[link]}"

    def toxiproxy(self) -> str:
        """Return `host:port` of the Toxiproxy API.

        Raises:
            GoneError: the Toxiproxy has exited, and its toxics are lost.
        """
        if self._nodes.state(self._spec.toxiproxy) == "exited":
            raise GoneError(f"{self._spec.toxiproxy}: has exited, and its toxics are lost")
        return f"127.0.0.1:{self._planned.api}"

    def kill(self, service: str) -> None:
        """Send SIGKILL to every process of the service."""
        self._signal(service, "kill")

    def stop(self, service: str) -> None:
        """Send SIGTERM to its main process, and SIGKILL to all after the grace period."""
        self._signal(service, "stop")

    def pause(self, service: str) -> None:
        """Send SIGSTOP to every process of the service."""
        self._signal(service, "pause")

    def resume(self, service: str) -> None:
        """Send SIGCONT to every process of the service."""
        self._signal(service, "resume")

    def launch(self, service: str) -> None:
        """Start a service that is down, on its old port; return when it is ready."""
        self._get_service(service)
        if self._nodes.state(service) == "exited":
            self._call(Spawn(spec=self._planned.processes[service]))
            self._await_ready(service)

    def versions(self) -> dict[str, str]:
        """Return the versions of the harness, Python, this platform, Toxiproxy and PostgreSQL."""
        toxiproxy = self._planned.processes[self._spec.toxiproxy]
        server = "embedded" if toxiproxy.argv[0] == sys.executable else toxiproxy.argv[0]
        found = {
            "harness": harness.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "toxiproxy": f"{toxiproxy_version(self.toxiproxy()) or 'not answering'} ({server})",
        }
        if postgres := self._planned.postgres:
            found["postgresql"] = postgres
        return found

    @property
    def _planned(self) -> Plan:
        if self._plan is None:
            raise StackError("the stack is not running; start it")
        return self._plan

    def _call(self, request: Request, timeout: float = 60.0) -> Reply:
        if self._client is None:
            raise StackError("the stack is not running; start it")
        return self._client.call(request, timeout)

    def _signal(self, service: str, action: Literal["kill", "stop", "pause", "resume"]) -> None:
        timeout = self._get_service(service).stop_grace_period + 10
        self._call(Signal(service=service, action=action), timeout)

    def _get_service(self, service: str) -> Service:
        if service not in self._spec.services:
            names = ", ".join(self._spec.services)
            raise StackError(f"no service is called {service!r}; one of {names}")
        return self._spec.services[service]

    def _follow(
        self, connection: socket.socket, lines: LineSink | None, nodes: NodeSink | None
    ) -> None:
        self._nodes.forward_to(lines, nodes)
        self._client = Client(connection, self._nodes.on_event, self._nodes.on_lost)
        self._call(Follow())
        self._nodes.update(self._call(ListProcesses()).processes)

    def _clean_up_failed_start(self) -> None:
        """Remove everything of a stack whose start failed, as `close` does."""
        if self._client is None:
            sweep(self._state.root)
        self.close()

    def _await_ready(self, service: str) -> None:
        timeout = self._ready_timeout
        if service == self._spec.toxiproxy:  # a short limit is meant for the system's services
            timeout = max(timeout, _READY_TIMEOUT)
        try:
            self._nodes.await_ready(service, self._probe(service), timeout)
        except StackError as error:
            raise StackError(f"{error}; {self._state.logs.log_tail(service)}") from error

    def _probe(self, service: str) -> Callable[[], bool] | None:
        """Return the readiness probe of `service`; None if it has no port."""
        if service == self._spec.toxiproxy:
            return lambda: bool(toxiproxy_version(f"127.0.0.1:{self._planned.api}"))
        probe, port = probe_for(self._spec.services[service]), self._planned.ports.get(service)
        return None if probe is None or port is None else partial(probe, "127.0.0.1", port)

    def _status(self, service: Service, process: ProcessState | None) -> NodeStatus:
        name = service.name
        address = self._planned.address(name) if name in self._planned.ports else None
        if process is None:
            return NodeStatus(name, "exited", ready=False, address=address, detail="not started")
        if process.state == "exited":
            detail = exit_text(process.code)
            return NodeStatus(name, "exited", ready=False, address=address, detail=detail)
        running = process.state == "running"
        probe = self._probe(name)
        ready = running and (probe is None or probe())
        state = "starting" if running and not ready and self._nodes.is_starting(name) else None
        return NodeStatus(name, state or process.state, ready, process.pid, address)
