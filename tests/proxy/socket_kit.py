"""Upstreams, sockets with timeouts, and a stopwatch for the proxy's tests."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

TIMEOUT_S = 20.0
"""Timeout in wall-clock seconds; generous, because other work may share the machine."""
LATE_TOLERANCE_S = 1.5
"""By how many seconds an event may be observed late, for the same reason."""
EARLY_TOLERANCE_S = 0.003
"""By how many seconds it may be observed early: the clocks are read in different processes, one
of them in whole milliseconds."""


class Upstream:
    """A TCP server that serves each connection with a function, in a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port: int = self._listener.getsockname()[1]
        self.accepted: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(TIMEOUT_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted.append(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._serve(sock)

    def wait_for_client(self, number: int = 1) -> socket.socket:
        """Return the n-th connection, once it is accepted."""
        eventually(lambda: len(self.accepted) >= number, f"connection {number}")
        return self.accepted[number - 1]

    def close(self) -> None:
        # shutdown() ends a blocked accept(), which close() alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(TIMEOUT_S)
        for sock in self.accepted:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def serve_echo(sock: socket.socket) -> None:
    """Echo all data, then close."""
    with sock:
        while data := sock.recv(65536):
            sock.sendall(data)


def keep_open(sock: socket.socket) -> None:
    """Keep the connection open for the test to use."""
    del sock


@contextlib.contextmanager
def upstream(serve: Callable[[socket.socket], None] = serve_echo) -> Iterator[Upstream]:
    """Run an upstream during a `with` block."""
    server = Upstream(serve)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Yield a loopback port that answers no SYN, because its backlog is full."""
    with socket.socket() as hole, contextlib.ExitStack() as stuffing:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(4):
            stuffed = stuffing.enter_context(socket.socket())
            stuffed.setblocking(False)
            stuffed.connect_ex(hole.getsockname())
        yield int(hole.getsockname()[1])


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def connect(port: int, timeout: float = TIMEOUT_S) -> socket.socket:
    """Connect to a loopback port; the timeout applies to every later operation."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def read_exactly(sock: socket.socket, count: int) -> bytes:
    """Read `count` bytes, fewer only if the connection ends."""
    parts = []
    while count:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_to_end(sock: socket.socket) -> bytes:
    """Read until the connection is closed with FIN."""
    parts = []
    while part := sock.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def exchange(sock: socket.socket, data: bytes) -> bytes:
    """Send data to an echo server; return what comes back."""
    sock.sendall(data)
    return read_exactly(sock, len(data))


def wait_for_close(sock: socket.socket) -> str:
    """Wait until a connection is closed; return how: FIN or RST."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        return "RST"
    return "FIN"


def refuses_connections(port: int) -> bool:
    """Return True if a loopback port refuses connections."""
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return True
    return False


def eventually(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Wait until the condition is true; return its value."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"timeout: waited for {what}"
        time.sleep(0.005)
    return value


class Stopwatch:
    """Wall-clock seconds since the stopwatch was created."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def assert_took(self, seconds: float) -> None:
        """Check the elapsed time; the tolerance is larger for late than for early ends."""
        assert seconds - EARLY_TOLERANCE_S <= self.seconds <= seconds + LATE_TOLERANCE_S
