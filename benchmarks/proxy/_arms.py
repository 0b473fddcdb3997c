"""Arms of the comparison: client to peer via the embedded or a real server, or direct."""

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
    """A way from client to peer: via one of the servers, or direct without a server process."""

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
        """Call the server's HTTP API; return the decoded JSON answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def connect(self, kind: str) -> socket.socket:
        """Connect to the peer's port of this kind: echo, sink or copying_sink."""
        sock = socket.create_connection(("127.0.0.1", self.ports[kind]), timeout=30)
        # Timeouts of the kernel: those of Python cost a system call per send and receive.
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 30, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def memory(self) -> int:
        """Return the resident memory of the server in bytes; 0 for the direct arm."""
        if self.process is None:
            return 0
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def close(self) -> None:
        """Stop the server process."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def real_server() -> str | None:
    """Return the path of a real toxiproxy-server; None if there is none."""
    return os.environ.get("HARNESS_TOXIPROXY") or shutil.which("toxiproxy-server")


@contextmanager
def arms() -> Iterator[dict[str, Arm]]:
    """Start a peer and the servers; yield the arms by name and stop everything at the end."""
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
