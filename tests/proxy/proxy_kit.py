"""The servers under test, and their proxies; `socket_kit` has what talks through them.

`Server` runs either server as a process of its own and speaks its API without any client
library, so that a test sees status, headers and body as they are.
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

API_DEADLINE_S = 0.1
"""For what must be answered whatever else happens."""
EMBEDDED = [sys.executable, "-m", "harness.proxy"]


@dataclass
class Response:
    """An API answer."""

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
    """A running server, embedded or real."""

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
    ) -> Response:
        """Call the API; a body that is not bytes is sent as JSON."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            return Response(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def proxy(self, upstream: int | str, name: str = "p", **fields: Any) -> "ProxyHandle":
        """Create a proxy on a free port."""
        upstream = f"127.0.0.1:{upstream}" if isinstance(upstream, int) else upstream
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": upstream, **fields}
        response = self.call("POST", "/proxies", body)
        assert response.status == 201, response
        return ProxyHandle(self, name, response.json["listen"])

    def clear(self) -> None:
        """Delete every proxy."""
        for name in self.call("GET", "/proxies").json:
            self.call("DELETE", f"/proxies/{quote(name, safe='')}")

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def cpu_wait_s(self) -> float:
        """Seconds for which the kernel has let this server or this thread wait for a processor."""
        stolen = _steal_ticks() / os.sysconf("SC_CLK_TCK")
        return _run_delay(f"/proc/{self.process.pid}") + _run_delay("/proc/thread-self") + stolen

    def stop(self) -> int:
        """End it as an operator would; return the exit code."""
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
    """A proxy of a server, and what tests do to it."""

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

    def add(self, kind: str, /, *, expect: int = 200, **fields: Any) -> Response:
        """Add a toxic; attributes are those fields that are not the toxic's own."""
        own = ("name", "stream", "toxicity", "expires_in")
        body = {"type": kind, **{key: fields.pop(key) for key in own if key in fields}}
        response = self.server.call("POST", f"{self.path}/toxics", {**body, "attributes": fields})
        assert response.status == expect, response
        return response

    def update(self, toxic: str, body: dict[str, Any], *, expect: int = 200) -> Response:
        response = self.server.call("PATCH", f"{self.path}/toxics/{toxic}", body)
        assert response.status == expect, response
        return response

    def remove(self, toxic: str) -> None:
        response = self.server.call("DELETE", f"{self.path}/toxics/{toxic}")
        assert response.status == 204, response

    def toxics(self) -> list[dict[str, Any]]:
        return list(self.server.call("GET", f"{self.path}/toxics").json)

    def change(self, **fields: Any) -> Response:
        return self.server.call("PATCH", self.path, fields)

    def show(self) -> dict[str, Any]:
        return dict(self.server.call("GET", self.path).json)

    def connections(self) -> list[dict[str, Any]]:
        return list(self.server.call("GET", f"{self.path}/connections").json)


def call_within_100_ms(
    server: Server, method: str, path: str, body: Any = None, *, raw: bytes | None = None
) -> Response:
    """Call the API, which must answer within 100 ms.

    Time in which the kernel let server or test wait for a processor is not counted.
    """
    cpu_wait_s = server.cpu_wait_s()
    start = time.monotonic()
    response = server.call(method, path, body, raw=raw)
    took = time.monotonic() - start
    if took >= API_DEADLINE_S:
        took -= server.cpu_wait_s() - cpu_wait_s
    assert took < API_DEADLINE_S, f"{method} {path}"
    return response


def start_embedded(*arguments: str) -> Server:
    """Start the embedded server on a free port."""
    process = subprocess.Popen(
        [*EMBEDDED, "--host", "127.0.0.1", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], TIMEOUT_S)
    assert ready, "the server said nothing"
    first = json.loads(process.stdout.readline())
    server = Server("embedded", process, first["host"], first["port"], first)
    drain(process)
    return server


def start_real(path: str, *arguments: str) -> Server:
    """Start a real toxiproxy-server."""
    return start_server("real", [path], *arguments)


def start_server(
    kind: str, program: list[str], *arguments: str,
    log: int = subprocess.DEVNULL, env: dict[str, str] | None = None,
) -> Server:  # fmt: skip
    """Start either server on a port of our choice, without reading what it logs."""
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
            time.sleep(0.02)  # the real server does not announce itself
        server.stop()
    raise AssertionError(f"the {kind} server did not start")


def with_few_descriptors(count: int, program: list[str]) -> list[str]:
    """Return how to start a program that may open only so many files."""
    return ["sh", "-c", f'ulimit -n {count} && exec "$@"', "sh", *program]


def _run_delay(process: str) -> float:
    """Seconds on the kernel's run queue; none where it does not tell."""
    try:
        return int(Path(process, "schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def _steal_ticks() -> int:
    """Time that the hypervisor gave to others."""
    try:
        return int(Path("/proc/stat").read_text().split(maxsplit=9)[8])
    except (OSError, IndexError):
        return 0


def drain(process: subprocess.Popen[bytes]) -> None:
    """Read away what a process logs, so that its pipe never fills."""

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):
            assert process.stdout is not None
            while process.stdout.read1(65536):  # type: ignore[attr-defined]
                pass

    threading.Thread(target=read, daemon=True).start()
