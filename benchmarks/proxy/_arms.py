"""Ways from a client to the peer: through the embedded server, through a real one, or direct."""

import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Arm:
    """A way from client to peer: through one of the servers, or direct."""

    def __init__(self, name: str, command: list[str] | None, ports: dict[str, int]) -> None:
        self.name = name
        self.ports = dict(ports)
        self.process: subprocess.Popen[bytes] | None = None
        self.api = ""
        if command is None:
            return
        port = _free_port()
        self.api = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [*command, "-host", "127.0.0.1", "-port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LOG_LEVEL": "error"},
        )
        deadline = time.monotonic() + 10
        while True:
            with suppress(OSError):
                self.call("GET", "/version")
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start")
            time.sleep(0.02)
        for kind, upstream in ports.items():
            body = {"name": kind, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream}"}
            listen = self.call("POST", "/proxies", body)["listen"]
            self.ports[kind] = int(listen.rpartition(":")[2])

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the server's API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def connect(self, kind: str) -> socket.socket:
        """Connect to a peer."""
        sock = socket.create_connection(("127.0.0.1", self.ports[kind]), timeout=30)
        # The kernel's own time limits: Python's cost a system call for each send and receive.
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 30, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def memory(self) -> int:
        """Return the resident bytes of the server."""
        if self.process is None:
            return 0
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def close(self) -> None:
        """End the server."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def real_server() -> str | None:
    """Return the path of a real toxiproxy-server."""
    return os.environ.get("HARNESS_TOXIPROXY") or shutil.which("toxiproxy-server")


@contextmanager
def arms() -> Iterator[dict[str, Arm]]:
    """Start a peer and the servers."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.proxy", "peer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        started = {"direct": Arm("direct", None, ports)}
        try:
            started["embedded"] = Arm("embedded", [sys.executable, "-m", "harness.proxy"], ports)
            if path := real_server():
                started["real"] = Arm("real", [path], ports)
            yield started
        finally:
            for arm in started.values():
                arm.close()
            process.stdin.close()
