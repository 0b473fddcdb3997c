"""The work that is timed on each arm: one function per line of the output, returning figures."""

import os
import select
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ._arms import Arm

BULK_S = 0.5
ROUND_TRIPS = 1000
CONNECTIONS = 400
IDLE = 5000


def bulk(arm: Arm, kind: str) -> dict[str, float]:
    """Send bytes for half a second; return the throughput in MB/s."""
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
        # A direct sink answers; via a proxy, which has no half-close, the connection ends. Either
        # means that everything has been delivered.
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
    """Send one byte and wait for its echo, 1000 times; return p50 and p99 in µs."""
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
    """Open, use once and close 400 connections; return how many per second."""
    start = time.perf_counter()
    for _ in range(CONNECTIONS):
        with arm.connect("echo") as sock:
            sock.send(b"x")
            sock.recv(1)
    return {"per s": CONNECTIONS / (time.perf_counter() - start)}


def idle(arm: Arm) -> dict[str, float]:
    """Hold 5000 idle connections; return KiB of memory each, and how many still carry a byte."""
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
    """Set a latency of 100 ms; return p50 and p99 of the error of 200 answers, in ms."""
    arm.call("POST", "/proxies/echo/toxics", {
        "name": "late", "type": "latency", "attributes": {"latency": 100},
    })  # fmt: skip
    errors: list[float] = []
    socks = [arm.connect("echo") for _ in range(20)]
    poll = select.epoll()
    try:
        started: dict[int, float] = {}
        by_fd = {sock.fileno(): sock for sock in socks}
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        for _ in range(10):
            # One every 5 ms, so that neither this process nor the peer is late.
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
    """Change toxics 1000 times, 200 connections busy and one stuck; return the slowest in ms."""
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
    """Disable a proxy; return the ms until live and new connections are cut, after the call."""
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
