"""The supervisor's one loop: requests, output, ends of children, patience that runs out.

One thread and no asyncio, so that forking in the middle of it is safe.
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
    """Runs the processes of the stack in `state` until its parent_pipe closes or it is told to stop."""

    def __init__(self, state: StateDir, parent_pipe: socket.socket) -> None:
        self._state = state
        self._services: dict[str, Service] = {}
        self._ports = Ports()
        self._selector = selectors.DefaultSelector()
        self._connections: list[Connection] = []
        self._done = self._told_to_end = False
        self._listener = socket.socket(socket.AF_UNIX)
        with state.socket_address() as address:
            self._listener.bind(address)
        self._listener.listen()
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._parent_pipe: Connection | None = self._connect(parent_pipe)
        self._wake, wake = socket.socketpair()
        for end in (self._wake, wake):
            end.setblocking(False)
        self._waker = wake
        self._selector.register(self._wake, selectors.EVENT_READ, self._reap)

    def run(self) -> None:
        """Serve until done."""
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_terminate)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self._run_until(lambda: self._done)
        for connection in self._connections:
            connection.finish()

    def _on_terminate(self, *_: object) -> None:
        self._told_to_end = True  # the loop is awake already: the signal wrote to its socket

    def _run_until(self, done: Callable[[], bool], limit: float | None = None) -> None:
        deadline = None if limit is None else time.monotonic() + limit
        while not done() and (deadline is None or time.monotonic() < deadline):
            times = [s.kill_at for s in self._services.values() if s.kill_at is not None]
            times += [] if deadline is None else [deadline]
            timeout = max(0.0, min(times) - time.monotonic()) if times else None
            for key, events in self._selector.select(timeout):
                current = self._selector.get_map().get(key.fd)
                if current is not None and current.data is key.data:  # no earlier one closed it
                    key.data(events)
            for service in self._services.values():
                if service.kill_at is not None and service.kill_at <= time.monotonic():
                    service.kill_at = None
                    service.kill()

    # Connections and requests.

    def _accept(self, _: int) -> None:
        with suppress(OSError):
            self._connect(self._listener.accept()[0])

    def _connect(self, connection: socket.socket) -> Connection:
        made = Connection(connection, self._selector, self._on_request, self._on_close)
        self._connections.append(made)
        return made

    def _on_close(self, connection: Connection) -> None:
        self._connections.remove(connection)
        if connection is self._parent_pipe:  # the harness is gone: so are we, at once
            self._done = True

    def _on_request(self, connection: Connection, request: Request) -> None:
        def reply(error: str = "") -> None:
            connection.send(Reply(id=request.id, error=error))

        try:
            self._do(connection, request, reply)
        except (HarnessError, OSError) as error:
            reply(str(error))

    def _do(self, connection: Connection, request: Request, reply: Callable[[], None]) -> None:
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

    def _tell(self, message: Message) -> None:
        for connection in list(self._connections):
            if connection.follows:
                connection.send(message)

    # Processes.

    def _spawn(self, request: Spawn) -> None:
        spec = request.spec
        old = self._services.get(spec.service)
        if old is not None and old.state != "exited":
            raise HarnessError(f"{spec.service} runs already (pid {old.pid})")
        lend = bool(spec.argv) and not spec.infrastructure
        if lend:
            self._ports.lend(spec.port)
        service = Service(spec, self._state.logs.path(spec.service))
        self._state.own(Owned(name=spec.service, pid=service.pid, start=service.start))
        self._services[spec.service] = service
        if lend:
            service.on_exit.append(lambda: self._ports.take_back(spec.port))
        for stream in service.streams:
            self._selector.register(
                stream.descriptor, selectors.EVENT_READ, partial(self._read, service, stream)
            )
        self._changed(service, "started")

    def _signal(self, request: Signal, reply: Callable[[], None]) -> None:
        service = self._services.get(request.service)
        if service is None or service.state == "exited":
            if request.action in ("kill", "stop"):  # it is down, as was wished
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
            service.keep(lines)
            self._tell(Output(service=service.spec.service, t=time.time(), lines=tuple(lines)))
        if ended:
            self._leave(service, stream)

    def _leave(self, service: Service, stream: Stream) -> None:
        self._selector.unregister(stream.descriptor)
        os.close(stream.descriptor)
        service.streams.remove(stream)

    def _reap(self, _: int) -> None:
        with suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass
        for service in list(self._services.values()):
            if service.state != "exited" and service.has_ended():
                self._ended(service)
        if self._told_to_end:
            self._told_to_end = False
            self._shut_down()

    def _ended(self, service: Service) -> None:
        for stream in list(service.streams):  # its last words, before the news of its end
            while stream in service.streams and self._has_more(stream):
                self._read(service, stream)
            if stream in service.streams:  # held open by a process that left the family
                self._leave(service, stream)
        self._changed(service, "exited")
        for call in service.on_exit:
            call()
        service.close()

    def _has_more(self, stream: Stream) -> bool:
        with selectors.DefaultSelector() as look:
            look.register(stream.descriptor, selectors.EVENT_READ)
            return bool(look.select(0))

    def _changed(self, service: Service, state: str) -> None:
        self._tell(
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
        """Services first, then what they stand on; then the loop is done."""
        for infrastructure in (False, True):
            wave = [
                service
                for service in self._services.values()
                if service.state != "exited" and service.spec.infrastructure == infrastructure
            ]
            for service in wave:
                if service.kill_at is None:
                    service.stop()
            self._run_until(partial(self._all_ended, wave))
        self._done = True

    def _all_ended(self, wave: Sequence[Service]) -> bool:
        return self._done or all(service.state == "exited" for service in wave)
