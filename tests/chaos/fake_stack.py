"""A stack of a few threads and processes behind a real or embedded Toxiproxy."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

from harness.chaos import Toxiproxy
from harness.stack import (
    CommandRun,
    LineSink,
    Link,
    NodeSink,
    NodeStatus,
    PostgresRun,
    Run,
    Service,
    Settings,
    StackSpec,
)

from .upstreams import PROGRAM, serve


def _service(
    name: str,
    site: str,
    *,
    health: str | None = "/health",
    run: Run | None = None,
    depends: Sequence[str] = (),
    networks: tuple[str, ...] = ("default",),
    disk: int | None = None,
) -> Service:
    return Service(
        name=name,
        site=site,
        run=run or CommandRun(("true",)),
        port=1,
        health=health,
        depends_on=dict.fromkeys(depends, "service_started"),
        networks=networks,
        disk=disk,
    )


SPEC = StackSpec(
    name="fake",
    directory=Path(),
    services={
        "database": _service("database", "center", health=None, run=PostgresRun()),
        "border": _service("border", "center", depends=["database"], disk=4 * 1024**2),
        "visa": _service("visa", "center", depends=["database"]),
        "queue": _service("queue", "center", health=None, networks=()),
        "gate": _service("gate", "airport"),
        "desk": _service("desk", "airport"),
    },
    links={
        name: Link(name, caller, target, 1)
        for name, caller, target in (
            ("border-database", "border", "database"),
            ("visa-database", "visa", "database"),
            ("border-queue", "border", "queue"),
            ("gate-border", "gate", "border"),
            ("gate-visa", "gate", "visa"),
            ("desk-border", "desk", "border"),
            ("desk-gate", "desk", "gate"),
        )
    },
    toxiproxy="toxiproxy",
    experiments=Path(),
)


class FakeStack:
    """Services are threads of this process, except those named in `processes`."""

    backend = "local"

    def __init__(self, server: str, *, spec: StackSpec = SPEC, processes: tuple[str, ...] = ()):
        self._spec = spec
        self._server = server
        self.toxics = Toxiproxy(server)
        self._sockets: dict[str, socket.socket] = {}
        self._addresses: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._states: dict[str, str] = {}
        self.bypassed: dict[str, str] = {}
        """Link -> address to which its caller connects instead of the proxy, so that faults on the
        link have no effect."""
        self.log: list[str] = []
        for name in spec.services:
            if name in processes:
                self._addresses[name] = ""
                self.launch(name)
            else:
                self._serve(name)
        self.links = {
            name: self.toxics.create(name, self._addresses[link.target]).listen
            for name, link in spec.links.items()
        }

    def _serve(self, name: str) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._sockets[name] = listener
        self._addresses[name] = f"127.0.0.1:{listener.getsockname()[1]}"
        service = self._spec.services[name]
        protocol = (
            "postgres"
            if isinstance(service.run, PostgresRun)
            else "http"
            if service.health
            else "silent"
        )
        Thread(target=serve, args=(listener, protocol), daemon=True).start()

    @property
    def spec(self) -> StackSpec:
        return self._spec

    def start(self, settings: Settings, *, lines: LineSink, nodes: NodeSink) -> None:
        raise NotImplementedError

    def close(self) -> None:
        for listener in self._sockets.values():
            close_listener(listener)
        for name in self.processes:
            self.kill(name)
        for name in self.links:
            self.toxics.destroy(name)
        self.toxics.close()

    def status(self) -> list[NodeStatus]:
        statuses = []
        for name in self._spec.services:
            process = self.processes.get(name)
            state = self._states.get(name, "running")
            pid = process.pid if process is not None and state != "exited" else None
            statuses.append(NodeStatus(name, state, state == "running", pid, self._addresses[name]))
        return statuses

    def address(self, service: str) -> str:
        return self._addresses[service]

    def link_address(self, link: str) -> str:
        return self.bypassed.get(link, self.links[link])

    def toxiproxy(self) -> str:
        return self._server

    def kill(self, service: str) -> None:
        self.log.append(f"kill {service}")
        self.processes[service].kill()
        self._mark_exited(service)

    def stop(self, service: str) -> None:
        self.log.append(f"stop {service}")
        self.processes[service].terminate()
        self._mark_exited(service)

    def _mark_exited(self, service: str) -> None:
        process = self.processes[service]
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        self._states[service] = "exited"

    def pause(self, service: str) -> None:
        self.log.append(f"pause {service}")
        os.kill(self.processes[service].pid, signal.SIGSTOP)
        self._states[service] = "paused"

    def resume(self, service: str) -> None:
        self.log.append(f"resume {service}")
        os.kill(self.processes[service].pid, signal.SIGCONT)
        self._states[service] = "running"

    def launch(self, service: str) -> None:
        if service in self.processes and self._states[service] != "exited":
            return
        self.log.append(f"launch {service}")
        port = self._addresses[service].rpartition(":")[2] or "0"
        process = subprocess.Popen([sys.executable, PROGRAM, port], stdout=subprocess.PIPE)
        assert process.stdout is not None
        self._addresses[service] = f"127.0.0.1:{int(process.stdout.readline())}"
        self.processes[service] = process
        self._states[service] = "running"

    def versions(self) -> dict[str, str]:
        return {}


def close_listener(listener: socket.socket) -> None:
    """Close `listener` and wake the thread that accepts on it."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
