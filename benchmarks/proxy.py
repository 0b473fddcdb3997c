"""The embedded proxy against a real `toxiproxy-server`, on one machine, in one run, alternating.

    python -m benchmarks.proxy            all figures; about a minute and a half

Prints ratios, because absolute figures say more about the machine. Without a real server
(HARNESS_TOXIPROXY or the PATH) the embedded one is measured alone. Peers are cheap on purpose:
the sender sends file pages, the receiver discards in the kernel, so that what is compared is the
proxies and not two Python programs copying bytes. `bulk, copying peers` is the figure for
ordinary peers, of whom no more can be wanted than 0.8 of what they do without a proxy. Every arm
is measured once a round and the median of its rounds is shown, so that a disturbance hits all arms
alike.
"""

import json
import os
import resource
import select
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ROUNDS = 5
BULK_S = 0.5
ROUND_TRIPS = 1000
CONNECTIONS = 400
IDLE = 5000
Figures = dict[str, list[float]]


# Peers: a process that echoes on one port and discards on another.


def peer() -> None:
    """Serve until standard input closes: print the ports of an echo and of two sinks."""
    poll = select.epoll()
    listeners = {}
    for kind in ("echo", "sink", "copying_sink"):
        sock = socket.create_server(("127.0.0.1", 0), backlog=4096)
        listeners[sock.fileno()] = (kind, sock)
        poll.register(sock.fileno(), select.EPOLLIN)
    sys.stdout.write(
        json.dumps({kind: sock.getsockname()[1] for kind, sock in listeners.values()}) + "\n"
    )
    sys.stdout.flush()
    poll.register(0, select.EPOLLIN | select.EPOLLHUP)
    open_sockets: dict[int, tuple[str, socket.socket]] = {}
    buffer = bytearray(1 << 22)
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                return
            if fd in listeners:
                kind, listener = listeners[fd]
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                open_sockets[sock.fileno()] = (kind, sock)
                poll.register(sock.fileno(), select.EPOLLIN)
                continue
            kind, sock = open_sockets[fd]
            if not _serve(kind, sock, buffer):
                poll.unregister(fd)
                del open_sockets[fd]
                sock.close()


def _serve(kind: str, sock: socket.socket, buffer: bytearray) -> bool:
    try:
        if kind == "echo":
            data = sock.recv(65536)
            sock.sendall(data)
            return bool(data)
        flags = socket.MSG_TRUNC if kind == "sink" else 0
        if sock.recv_into(buffer, 0 if flags else 1 << 18, flags):
            return True
        sock.send(b"!")  # all has arrived
    except OSError:
        pass
    return False


# Servers under test.


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


# What is measured.


def bulk(arm: Arm, kind: str) -> dict[str, float]:
    """Return MB/s."""
    megabyte = 1 << 20
    sent = 0
    with arm.connect(kind) as sock, _megabytes(64) as file:
        buffer = memoryview(bytes(megabyte))
        sock.settimeout(None)
        end = time.perf_counter() + BULK_S
        start = time.perf_counter()
        while time.perf_counter() < end:
            if kind == "sink":
                offset = sent % (63 * megabyte)
                sent += os.sendfile(sock.fileno(), file, offset, megabyte)
            else:
                sent += sock.send(buffer)
        sock.settimeout(30)
        # Direct, the sink answers; through a proxy, which has no half-close, the connection
        # ends: either says that all has been delivered.
        sock.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            sock.recv(1)
        return {"MB/s": sent / 1e6 / (time.perf_counter() - start)}


@contextmanager
def _megabytes(count: int) -> Iterator[int]:
    file = os.memfd_create("bulk")
    try:
        os.write(file, bytes(count << 20))
        yield file
    finally:
        os.close(file)


def round_trips(arm: Arm) -> dict[str, float]:
    """Return p50 and p99 of one byte there and back, in µs."""
    times = []
    with arm.connect("echo") as sock:
        sock.settimeout(None)
        for number in range(ROUND_TRIPS + 100):
            start = time.perf_counter()
            sock.send(b"x")
            sock.recv(1)
            if number >= 100:
                times.append((time.perf_counter() - start) * 1e6)
    times.sort()
    return {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}


def connections(arm: Arm) -> dict[str, float]:
    """Return how many connections per second are opened, used once and closed."""
    start = time.perf_counter()
    for _ in range(CONNECTIONS):
        with arm.connect("echo") as sock:
            sock.send(b"x")
            sock.recv(1)
    return {"per s": CONNECTIONS / (time.perf_counter() - start)}


def idle(arm: Arm) -> dict[str, float]:
    """Hold many idle connections: return KiB each, and how many still carry a byte."""
    before = arm.memory()
    held = [arm.connect("echo") for _ in range(IDLE)]
    try:
        for sock in held:
            sock.sendall(b"x")
        alive = sum(sock.recv(1) == b"x" for sock in held)
        return {"KiB": (arm.memory() - before) / 1024 / IDLE, "alive": alive}
    finally:
        for sock in held:
            sock.close()


def latency(arm: Arm) -> dict[str, float]:
    """Ask for 100 ms: return by how many ms p50 and p99 of 200 answers are off."""
    arm.call("POST", "/proxies/echo/toxics", {
        "name": "late", "type": "latency", "attributes": {"latency": 100},
    })  # fmt: skip
    errors: list[float] = []
    socks = [arm.connect("echo") for _ in range(20)]
    poll = select.epoll()
    try:
        started = {}
        by_fd = {sock.fileno(): sock for sock in socks}
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        for _ in range(10):
            # One every 5 ms, so that neither we nor the peer are what is late.
            waiting = list(by_fd)
            due = time.perf_counter()
            while waiting or started:
                now = time.perf_counter()
                if waiting and now >= due:
                    fd, due = waiting.pop(), due + 0.005
                    started[fd] = time.perf_counter()
                    by_fd[fd].send(b"x")
                for fd, _ in poll.poll(max(0.0, due - now) if waiting else 5):
                    by_fd[fd].recv(1)
                    errors.append(abs((time.perf_counter() - started.pop(fd)) * 1000 - 100))
    finally:
        poll.close()
        for sock in socks:
            sock.close()
        arm.call("DELETE", "/proxies/echo/toxics/late")
    errors.sort()
    return {"p50": statistics.median(errors), "p99": errors[len(errors) * 99 // 100]}


def calls_under_load(arm: Arm) -> dict[str, float]:
    """Change toxics while 200 connections are busy and one is stuck: return the slowest call."""
    slowest = 0.0
    socks = [arm.connect("echo") for _ in range(200)]
    stuck = arm.connect("echo")
    stuck.setblocking(False)
    try:
        with suppress(BlockingIOError):
            while True:
                stuck.send(bytes(1 << 16))
        for sock in socks:
            sock.setblocking(False)
        for number in range(1000):
            for sock in socks[number % 10 :: 10]:
                with suppress(BlockingIOError):
                    sock.send(bytes(2000))
                    sock.recv(1 << 16)
            start = time.perf_counter()
            if number % 2:
                arm.call("DELETE", "/proxies/echo/toxics/t")
            else:
                attributes = {"latency": 5, "jitter": 2}
                arm.call("POST", "/proxies/echo/toxics", {
                    "name": "t", "type": "latency", "attributes": attributes,
                })  # fmt: skip
            slowest = max(slowest, (time.perf_counter() - start) * 1000)
        return {"slowest": slowest}
    finally:
        for sock in [*socks, stuck]:
            sock.close()


def cut(arm: Arm) -> dict[str, float]:
    """Disable a proxy: return the ms after the call until live and new connections see it."""
    with arm.connect("echo") as sock:
        sock.send(b"x")
        sock.recv(1)
        arm.call("PATCH", "/proxies/echo", {"enabled": False})
        start = time.perf_counter()
        with suppress(ConnectionError):
            sock.recv(1)
        live = (time.perf_counter() - start) * 1000
    new = 0.0
    while True:
        try:
            arm.connect("echo").close()
        except ConnectionRefusedError:
            new = (time.perf_counter() - start) * 1000
            break
    start = time.perf_counter()
    arm.call("PATCH", "/proxies/echo", {"enabled": True})
    return {"live": live, "new": new}


# Telling.


def measure(
    started: dict[str, Arm], work: Callable[[Arm], dict[str, float]], *,
    rounds: int = ROUNDS, names: tuple[str, ...] = ("direct", "embedded", "real"),
) -> dict[str, Figures]:  # fmt: skip
    """Run the work on each arm in turn, `rounds` times; return all figures by arm."""
    found: dict[str, Figures] = {}
    for _ in range(rounds):
        for name in names:
            if name in started:
                for figure, value in work(started[name]).items():
                    found.setdefault(name, {}).setdefault(figure, []).append(value)
    return found


def median(figures: dict[str, Figures], arm: str, figure: str) -> float:
    """Return the median of an arm's figure; not a number if it was not measured."""
    values = figures.get(arm, {}).get(figure)
    return statistics.median(values) if values else float("nan")


def show(what: str, ratio: float, wanted: str, detail: str) -> None:
    """Print one line."""
    shown = "   n/a" if ratio != ratio else f"{ratio:6.2f}"  # noqa: PLR0124  (not a number)
    print(f"proxy: {what:32} {shown}x  (wanted {wanted:8}) {detail}", flush=True)


def main() -> None:
    """Measure and print everything."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with arms() as started:
        if "real" not in started:
            print("proxy: no toxiproxy-server found: the embedded server is measured alone")
        for kind, what in (("sink", "bulk throughput"), ("copying_sink", "bulk, copying peers")):
            figures = measure(started, lambda arm, kind=kind: bulk(arm, kind))
            fast, real = median(figures, "embedded", "MB/s"), median(figures, "real", "MB/s")
            direct = median(figures, "direct", "MB/s")
            # No proxy can show more than its peers do without one.
            wanted = min(3.0, 0.8 * direct / real) if real == real else 3.0  # noqa: PLR0124
            show(what, fast / real, f">= {wanted:.2g}",
                 f"{fast:.0f} / {real:.0f} MB/s, direct {direct:.0f}")  # fmt: skip
        figures = measure(started, round_trips, rounds=6 * ROUNDS)
        for figure in ("p50", "p99"):
            direct = median(figures, "direct", figure)
            fast = median(figures, "embedded", figure) - direct
            real = median(figures, "real", figure) - direct
            show(f"added round trip {figure}", fast / real, "<= 1",
                 f"{fast:.0f} / {real:.0f} µs on {direct:.0f}")  # fmt: skip
        figures = measure(started, connections, rounds=2 * ROUNDS)
        fast, real = median(figures, "embedded", "per s"), median(figures, "real", "per s")
        show("connections per second", fast / real, ">= 1", f"{fast:.0f} / {real:.0f}")
    with arms() as started:  # fresh ones: memory that was used before hides memory used now
        figures = measure(started, idle, rounds=1, names=("embedded", "real"))
        fast, real = median(figures, "embedded", "KiB"), median(figures, "real", "KiB")
        alive = median(figures, "embedded", "alive")
        show("memory per idle connection", fast / real, "<= 1",
             f"{fast:.1f} / {real:.1f} KiB, {alive:.0f} of {IDLE} alive")  # fmt: skip
        figures = measure(started, latency, rounds=ROUNDS, names=("embedded", "real"))
        for figure, limit in (("p50", 1.0), ("p99", 3.0)):
            fast, real = median(figures, "embedded", figure), median(figures, "real", figure)
            show(f"error of 100 ms latency, {figure}", fast / limit, "<= 1",
                 f"{fast:.2f} ms of {limit:.0f} allowed, real {real:.2f}")  # fmt: skip
        # Not the original: it is wedged by the first of these changes.
        figures = measure(started, calls_under_load, rounds=1, names=("embedded",))
        slowest = median(figures, "embedded", "slowest")
        show("slowest of 1000 toxic changes", slowest / 100, "<= 1",
             f"{slowest:.1f} ms of 100 allowed, one receiver stuck, 200 busy")  # fmt: skip
        figures = measure(started, cut, rounds=2 * ROUNDS, names=("embedded", "real"))
        for figure in ("live", "new"):
            worst = max(figures["embedded"][figure])
            show(f"cut, {figure} connections", worst / 10, "<= 1",
                 f"{worst:.2f} ms of 10 allowed, at worst")  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:] == ["peer"]:
        peer()
    else:
        main()
