"""The servers under test and their proxies; `socket_kit` has the upstreams and clients.

`Server` runs either server as a process and calls its API without a client library, so that a
test sees status, headers and body unchanged.
"""

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from socket_kit import TIMEOUT_S, connect, free_port

MAX_CALL_S = 0.1
"""Longest time of an API call, in wall-clock seconds, under any load."""
EMBEDDED = [sys.executable, "-m", "harness.proxy"]


@dataclass
class Answer:
    """A response of the API."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Server:
    """A running server; `kind` is "embedded" or "real"."""

    kind: str
    process: subprocess.Popen[bytes]
    host: str
    port: int
    first_line: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = TIMEOUT_S,
    ) -> Answer:
        """Call the API; a body that is not bytes is sent as JSON."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def proxy(self, upstream: int | str, name: str = "p", **fields: Any) -> "ProxyHandle":
        """Create a proxy on a free port."""
        upstream = f"127.0.0.1:{upstream}" if isinstance(upstream, int) else upstream
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": upstream, **fields}
        answer = self.call("POST", "/proxies", body)
        assert answer.status == 201, answer
        return ProxyHandle(self, name, answer.json["listen"])

    def clear(self) -> None:
        """Delete every proxy."""
        for name in self.call("GET", "/proxies").json:
            self.call("DELETE", f"/proxies/{quote(name, safe='')}")

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def scheduler_delay(self) -> float:
        """Wall-clock seconds for which this server or this thread has waited for a CPU so far."""
        stolen = _steal_ticks() / os.sysconf("SC_CLK_TCK")
        return _run_delay(f"/proc/{self.process.pid}") + _run_delay("/proc/thread-self") + stolen

    def stop(self) -> int:
        """Stop the server with SIGTERM; return its exit code."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            if self.process.stdout:
                self.process.stdout.close()


@dataclass
class ProxyHandle:
    """A proxy of a server, and the API calls on it."""

    server: Server
    name: str
    listen: str

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def path(self) -> str:
        return f"/proxies/{quote(self.name, safe='')}"

    def connect(self, timeout: float = TIMEOUT_S) -> socket.socket:
        return connect(self.port, timeout)

    def add(self, type_name: str, /, *, expect: int = 200, **fields: Any) -> Answer:
        """Add a toxic; fields other than name, stream, toxicity and lease are attributes."""
        own = ("name", "stream", "toxicity", "expires_in")
        body = {"type": type_name, **{key: fields.pop(key) for key in own if key in fields}}
        answer = self.server.call("POST", f"{self.path}/toxics", {**body, "attributes": fields})
        assert answer.status == expect, answer
        return answer

    def update(self, toxic: str, body: dict[str, Any], *, expect: int = 200) -> Answer:
        answer = self.server.call("PATCH", f"{self.path}/toxics/{toxic}", body)
        assert answer.status == expect, answer
        return answer

    def remove(self, toxic: str) -> None:
        answer = self.server.call("DELETE", f"{self.path}/toxics/{toxic}")
        assert answer.status == 204, answer

    def toxics(self) -> list[dict[str, Any]]:
        return list(self.server.call("GET", f"{self.path}/toxics").json)

    def change(self, **fields: Any) -> Answer:
        return self.server.call("PATCH", self.path, fields)

    def show(self) -> dict[str, Any]:
        return dict(self.server.call("GET", self.path).json)

    def connections(self) -> list[dict[str, Any]]:
        return list(self.server.call("GET", f"{self.path}/connections").json)


def call_promptly(
    server: Server, method: str, path: str, body: Any = None, *, raw: bytes | None = None
) -> Answer:
    """Call the API, which must answer within `MAX_CALL_S`.

    Time in which server or test waited for a CPU is not counted.
    """
    scheduler_delay = server.scheduler_delay()
    start = time.monotonic()
    answer = server.call(method, path, body, raw=raw)
    took = time.monotonic() - start
    if took >= MAX_CALL_S:
        took -= server.scheduler_delay() - scheduler_delay
    assert took < MAX_CALL_S, f"{method} {path}"
    return answer


def start_embedded(*arguments: str) -> Server:
    """Start the embedded server on a free port."""
    process = subprocess.Popen(
        [*EMBEDDED, "--host", "127.0.0.1", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], TIMEOUT_S)
    assert ready, "the server logged no first line"
    first = json.loads(process.stdout.readline())
    server = Server("embedded", process, first["host"], first["port"], first)
    drain(process)
    return server


def start_real(path: str, *arguments: str) -> Server:
    """Start a real toxiproxy-server."""
    return start_without_log("real", [path], *arguments)


def start_without_log(
    kind: str, program: list[str], *arguments: str,
    log: int = subprocess.DEVNULL, env: dict[str, str] | None = None,
) -> Server:  # fmt: skip
    """Start either server on a port that is free now, without reading its log."""
    for _ in range(5):
        port = free_port()
        process = subprocess.Popen(
            [*program, "-host", "127.0.0.1", "-port", str(port), *arguments],
            stdout=log,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )
        server = Server(kind, process, "127.0.0.1", port)
        deadline = time.monotonic() + TIMEOUT_S
        while server.is_alive() and time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                server.call("GET", "/version")
                return server
            time.sleep(0.02)  # the real server does not log its address
        server.stop()
    raise AssertionError(f"the {kind} server did not start")


def with_few_descriptors(count: int, program: list[str]) -> list[str]:
    """Return a command that starts a program with a limit of open files."""
    return ["sh", "-c", f'ulimit -n {count} && exec "$@"', "sh", *program]


def _run_delay(process: str) -> float:
    """Seconds on the kernel's run queue; 0 where the kernel does not report it."""
    try:
        return int(Path(process, "schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def _steal_ticks() -> int:
    """CPU time that the hypervisor gave to other machines, in clock ticks."""
    try:
        return int(Path("/proc/stat").read_text().split(maxsplit=9)[8])
    except (OSError, IndexError):
        return 0


def drain(process: subprocess.Popen[bytes]) -> None:
    """Read and discard a process's log in a thread, so that its pipe never fills."""

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):
            assert process.stdout is not None
            while process.stdout.read1(65536):  # type: ignore[attr-defined]
                pass

    threading.Thread(target=read, daemon=True).start()
