"""Sockets of the proxy tests: upstream servers, clients with timeouts, and a stopwatch."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

TIMEOUT_S = 20.0
"""Limit for anything that must happen at some time; long, because other work shares the machine."""
LATE_TOLERANCE_S = 1.5
"""How much later than due something may be observed, for the same reason."""
EARLY_TOLERANCE_S = 0.003
"""How much earlier: two processes read their clocks, one of them in whole milliseconds."""


class Upstream:
    """A TCP server on loopback that runs `serve` for each connection, in a thread of its own.

    `accepted` lists the sockets of all connections so far.
    """

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
        """Wait for the connection with this number, counted from 1; return its socket."""
        eventually(lambda: len(self.accepted) >= number, f"connection {number}")
        return self.accepted[number - 1]

    def close(self) -> None:
        """Stop listening and close every connection."""
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
    """Send back everything that is received; close at the end of the stream."""
    with sock:
        while data := sock.recv(65536):
            sock.sendall(data)


def leave_open(sock: socket.socket) -> None:
    """Leave the connection open and to the test, which finds it in `Upstream.accepted`."""
    del sock


@contextlib.contextmanager
def upstream(serve: Callable[[socket.socket], None] = serve_echo) -> Iterator[Upstream]:
    """Run an upstream until the end of the `with` block."""
    server = Upstream(serve)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Provide a port on loopback that answers no SYN, because its backlog is full."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


def free_port() -> int:
    """Return a port of loopback that is not in use; another process may take it at any time."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def connect(port: int, timeout: float = TIMEOUT_S) -> socket.socket:
    """Connect to a port of loopback; `timeout` also applies to every later call on the socket."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def read_exactly(sock: socket.socket, count: int) -> bytes:
    """Read `count` bytes, or fewer if the connection ends before."""
    parts = []
    while count:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_to_end(sock: socket.socket) -> bytes:
    """Read until the peer closes the connection with FIN; return all bytes."""
    parts = []
    while part := sock.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def exchange(sock: socket.socket, data: bytes) -> bytes:
    """Send data to an echo server; return as many bytes of what comes back."""
    sock.sendall(data)
    return read_exactly(sock, len(data))


def wait_for_close(sock: socket.socket) -> str:
    """Wait for the end of a connection; return how the peer ended it: "FIN" or "RST"."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        return "RST"
    return "FIN"


def is_refused(port: int) -> bool:
    """Return True if connections to the port are refused."""
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return True
    return False


def eventually(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Poll `condition` until its value is true, and return it; `what` is for the message."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not seen within {TIMEOUT_S} s"
        time.sleep(0.005)
    return value


class Stopwatch:
    """Measure wall-clock seconds since its creation."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def assert_took(self, seconds: float) -> None:
        """Assert that this many seconds have passed.

        The lower bound is tight, because no machine ends a delay too early. The upper one is loose,
        because a busy machine may observe its end late.
        """
        assert seconds - EARLY_TOLERANCE_S <= self.seconds <= seconds + LATE_TOLERANCE_S
