"""Start the servers under test and manage their proxies; `socket_kit` has clients and upstreams.

`Server` is a running embedded or real server. Its API is called without a client library, so that a
test sees status, headers and body exactly as they were sent.

    server = start_embedded()
    proxy = server.proxy(upstream_port)
    proxy.add("latency", latency=200)
    with proxy.connect() as client:
        ...
    server.stop()
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
"""Longest response time of an API call of the embedded server, under any load."""
EMBEDDED = [sys.executable, "-m", "harness.proxy"]
"""Command line of the embedded server."""


@dataclass
class Response:
    """The response to an API call."""

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
    """A running server; `kind` ("embedded", "real") is for messages."""

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
        """Call the API.

        Args:
            method: the HTTP method.
            path: the path, percent-encoded.
            body: is sent as JSON, unless it is None.
            raw: is sent as it is, instead of `body`.
            headers: headers of the request.
            timeout: in wall-clock seconds, for connecting and for each read.
        """
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            return Response(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def proxy(self, upstream: int | str, name: str = "p", **fields: Any) -> "ProxyHandle":
        """Create an enabled proxy on a free port of loopback.

        Args:
            upstream: a port on loopback, or an address.
            name: the proxy's name.
            fields: further fields of the request.
        """
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
        """Return for how many seconds the server and this thread have waited for a CPU so far."""
        stolen = _steal_ticks() / os.sysconf("SC_CLK_TCK")
        return _run_delay(f"/proc/{self.process.pid}") + _run_delay("/proc/thread-self") + stolen

    def stop(self) -> int:
        """Stop the server with SIGTERM, or with SIGKILL if it hangs; return its exit code."""
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
    """One proxy of a server, and the API calls that tests make for it."""

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

    def add(self, toxic_type: str, /, *, expect: int = 200, **fields: Any) -> Response:
        """Add a toxic; `expect` is the status that the call must return.

        `name`, `stream`, `toxicity` and `expires_in` are fields of the toxic, all other `fields`
        are its attributes.
        """
        own = ("name", "stream", "toxicity", "expires_in")
        body = {"type": toxic_type, **{key: fields.pop(key) for key in own if key in fields}}
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
    """Call the API and fail unless it responds within 100 ms.

    Time in which the server or this thread was ready to run and waited for a CPU is not counted.
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
    """Start the embedded server on a free port, and read its log in the background."""
    process = subprocess.Popen(
        [*EMBEDDED, "--host", "127.0.0.1", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], TIMEOUT_S)
    assert ready, f"the embedded server logged nothing within {TIMEOUT_S} s"
    first = json.loads(process.stdout.readline())
    server = Server("embedded", process, first["host"], first["port"], first)
    drain(process)
    return server


def start_real(path: str, *arguments: str) -> Server:
    """Start the real toxiproxy-server at `path` on a free port, and discard its log."""
    return start_server("real", [path], *arguments)


def start_server(
    kind: str, program: list[str], *arguments: str,
    log: int = subprocess.DEVNULL, env: dict[str, str] | None = None,
) -> Server:  # fmt: skip
    """Start either server on a free port; retry if another process takes that port first.

    Args:
        kind: which server it is, for messages.
        program: its command line.
        arguments: further options.
        log: a file descriptor for its standard output, which is not read here.
        env: environment variables to add.
    """
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
            time.sleep(0.02)  # polled, because the real server does not report that it is ready
        server.stop()
    raise AssertionError(f"the {kind} server did not start in five attempts: {program}")


def with_file_limit(count: int, program: list[str]) -> list[str]:
    """Return a command line that runs `program` with a limit of `count` open files."""
    return ["sh", "-c", f'ulimit -n {count} && exec "$@"', "sh", *program]


def _run_delay(process: str) -> float:
    """Return the seconds spent on the kernel's run queue; 0 if the kernel does not report them."""
    try:
        return int(Path(process, "schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def _steal_ticks() -> int:
    """Return the clock ticks that the hypervisor gave to other machines (steal time)."""
    try:
        return int(Path("/proc/stat").read_text().split(maxsplit=9)[8])
    except (OSError, IndexError):
        return 0


def drain(process: subprocess.Popen[bytes]) -> None:
    """Read and discard the standard output of a process, so that its pipe never fills."""

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):
            assert process.stdout is not None
            while process.stdout.read1(65536):  # type: ignore[attr-defined]
                pass

    threading.Thread(target=read, daemon=True).start()
