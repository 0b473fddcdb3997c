"""The supervisor's event loop: requests, output, exits of children, grace periods.

It has one thread and no asyncio, so that forking is safe at any point.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import assert_never

from harness.errors import HarnessError

from .._messages import (
    Changed,
    Detach,
    Follow,
    ListProcesses,
    Message,
    Output,
    Preload,
    Reply,
    Request,
    Reserve,
    Shutdown,
    Signal,
    Spawn,
)
from .._state import Owned, StateDir
from ._connection import Connection
from ._ports import Ports
from ._preload import preload
from ._service import Service, Stream


class Supervisor:
    """Runs the processes of a stack until the parent pipe closes or it is shut down."""

    def __init__(self, state: StateDir, parent_pipe: socket.socket) -> None:
        self._state = state
        self._services: dict[str, Service] = {}
        self._ports = Ports()
        self._selector = selectors.DefaultSelector()
        self._connections: list[Connection] = []
        self._done = self._got_sigterm = False
        self._listener = socket.socket(socket.AF_UNIX)
        with state.socket_address() as address:
            self._listener.bind(address)
        self._listener.listen()
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._parent_pipe: Connection | None = self._connect(parent_pipe)
        self._wakeup_reader, writer = socket.socketpair()
        for end in (self._wakeup_reader, writer):
            end.setblocking(False)
        self._wakeup_writer = writer
        self._selector.register(self._wakeup_reader, selectors.EVENT_READ, self._reap)

    def run(self) -> None:
        """Run the event loop until the stack has ended."""
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_terminate)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self._run_until(lambda: self._done)
        for connection in self._connections:
            connection.finish()

    def _on_terminate(self, *_: object) -> None:
        self._got_sigterm = True  # the signal has also written to the wake-up socket

    def _run_until(self, done: Callable[[], bool]) -> None:
        while not done():
            times = [s.kill_at for s in self._services.values() if s.kill_at is not None]
            timeout = max(0.0, min(times) - time.monotonic()) if times else None
            for key, events in self._selector.select(timeout):
                current = self._selector.get_map().get(key.fd)
                # An earlier callback of this round may have closed it.
                if current is not None and current.data is key.data:
                    key.data(events)
            for service in self._services.values():
                if service.kill_at is not None and service.kill_at <= time.monotonic():
                    service.kill_at = None
                    service.kill()

    def _accept(self, _: int) -> None:
        with suppress(OSError):
            self._connect(self._listener.accept()[0])

    def _connect(self, connection: socket.socket) -> Connection:
        made = Connection(connection, self._selector, self._on_request, self._on_close)
        self._connections.append(made)
        return made

    def _on_close(self, connection: Connection) -> None:
        self._connections.remove(connection)
        if connection is self._parent_pipe:  # the harness has ended
            self._done = True

    def _on_request(self, connection: Connection, request: Request) -> None:
        def reply(error: str = "") -> None:
            connection.send(Reply(id=request.id, error=error))

        try:
            self._handle(connection, request, reply)
        except (HarnessError, OSError) as error:
            reply(str(error))

    def _handle(self, connection: Connection, request: Request, reply: Callable[[], None]) -> None:
        match request:
            case Signal():
                self._signal(request, reply)
            case Reserve(count=count):
                connection.send(Reply(id=request.id, ports=self._ports.reserve(count)))
            case ListProcesses():
                processes = tuple(service.process_state() for service in self._services.values())
                connection.send(Reply(id=request.id, processes=processes))
            case Spawn():
                self._spawn(request)
                reply()
            case Preload(factories=factories, paths=paths, variables=variables):
                preload(factories, paths, variables)
                reply()
            case Follow():
                connection.follows = True
                reply()
            case Detach():
                self._parent_pipe = None
                reply()
            case Shutdown():
                self._shut_down()
                reply()
            case _:
                assert_never(request)

    def _broadcast(self, message: Message) -> None:
        for connection in list(self._connections):
            if connection.follows:
                connection.send(message)

    def _broadcast_output(self, service: str, lines: list[bytes]) -> None:
        output = Output(service=service, t=time.time(), lines=tuple(lines))
        for connection in list(self._connections):
            if connection.follows and not connection.send_output(output):
                self._state.logs.mark_lost(service)

    def _spawn(self, request: Spawn) -> None:
        spec = request.spec
        old = self._services.get(spec.service)
        if old is not None and old.state != "exited":
            raise HarnessError(f"{spec.service}: already runs (pid {old.pid})")
        # uvicorn, PostgreSQL and Toxiproxy set SO_REUSEADDR; a command may not.
        release = bool(spec.argv) and not spec.infrastructure
        if release:
            self._ports.release(spec.port)
        service = Service(spec, self._state.logs.path(spec.service))
        self._state.own(Owned(name=spec.service, pid=service.pid, start=service.start))
        self._services[spec.service] = service
        if release:
            service.on_exit.append(lambda: self._ports.reserve_again(spec.port))
        for stream in service.streams:
            self._selector.register(
                stream.descriptor, selectors.EVENT_READ, partial(self._read, service, stream)
            )
        self._changed(service, "started")

    def _signal(self, request: Signal, reply: Callable[[], None]) -> None:
        service = self._services.get(request.service)
        if service is None or service.state == "exited":
            if request.action in ("kill", "stop"):  # it is already down
                reply()
                return
            raise HarnessError(f"{request.service} is not running; launch it first")
        if request.action in ("kill", "stop"):
            service.on_exit.append(reply)
            service.kill() if request.action == "kill" else service.stop()
            return
        if request.action == "pause" and service.state == "running":
            service.pause()
            self._changed(service, "paused")
        elif request.action == "resume" and service.state == "paused":
            service.resume()
            self._changed(service, "resumed")
        reply()

    def _read(self, service: Service, stream: Stream, _: int = 0) -> None:
        lines, ended = stream.read()
        if lines:
            service.log(lines)
            self._broadcast_output(service.spec.service, lines)
        if ended:
            self._close_stream(service, stream)

    def _close_stream(self, service: Service, stream: Stream) -> None:
        self._selector.unregister(stream.descriptor)
        os.close(stream.descriptor)
        service.streams.remove(stream)

    def _reap(self, _: int) -> None:
        with suppress(BlockingIOError):
            while self._wakeup_reader.recv(4096):
                pass
        for service in list(self._services.values()):
            if service.state != "exited" and service.has_ended():
                self._on_exit(service)
        if self._got_sigterm:
            self._got_sigterm = False
            self._shut_down()

    def _on_exit(self, service: Service) -> None:
        for stream in list(service.streams):  # the rest of its output comes before the exit event
            while stream in service.streams and self._has_more(stream):
                self._read(service, stream)
            if stream in service.streams:  # held open by a process outside its tree
                self._close_stream(service, stream)
        self._changed(service, "exited")
        for call in service.on_exit:
            call()
        service.close()

    def _has_more(self, stream: Stream) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(stream.descriptor, selectors.EVENT_READ)
            return bool(selector.select(0))

    def _changed(self, service: Service, state: str) -> None:
        self._broadcast(
            Changed(
                service=service.spec.service,
                t=time.time(),
                state=state,  # type: ignore[arg-type]
                pid=service.pid,
                planned=service.planned or state != "exited",
                code=service.code,
            )
        )

    def _shut_down(self) -> None:
        """Stop the services, then the infrastructure that they need; then end the loop."""
        for infrastructure in (False, True):
            services = [
                service
                for service in self._services.values()
                if service.state != "exited" and service.spec.infrastructure == infrastructure
            ]
            for service in services:
                if service.kill_at is None:
                    service.stop()
            self._run_until(partial(self._have_exited, services))
        self._done = True

    def _have_exited(self, services: Sequence[Service]) -> bool:
        return self._done or all(service.state == "exited" for service in services)
