"""Defects of Toxiproxy that docs/proxy.md lists, demonstrated on a real server.

Each test starts a server of its own, because few servers survive. A test that fails here means
that Toxiproxy has fixed the defect, and that docs/proxy.md can be shortened.
"""

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from proxy_kit import Server, start_real, start_without_log, with_few_descriptors
from socket_kit import (
    TIMEOUT_S,
    Upstream,
    black_hole,
    eventually,
    exchange,
    read_exactly,
    read_to_end,
    wait_for_close,
)


@pytest.fixture
def toxiproxy(real_toxiproxy: str) -> Iterator[Server]:
    server = start_real(real_toxiproxy)
    yield server
    server.process.kill()  # a blocked server takes half a minute to stop
    server.stop()


CRASHING_INPUTS: list[tuple[str, dict[str, Any]]] = [
    ("slicer", {}),
    ("slicer", {"average_size": 5, "size_variation": 500}),
    ("bandwidth", {"rate": -1}),
    ("latency", {"jitter": 2**63 - 1}),
]


@pytest.mark.parametrize(("type_name", "attributes"), CRASHING_INPUTS)
def test_an_accepted_toxic_crashes_toxiproxy_at_the_next_data(
    toxiproxy: Server, echo: Upstream, type_name: str, attributes: dict[str, Any]
) -> None:
    proxy = toxiproxy.proxy(echo.port)
    proxy.add(type_name, **attributes)

    # One connection at a time, each until its response or its end. Several at once could exhaust
    # the memory of the machine while the first of them overflows its stack.
    for _ in range(500):
        try:
            with proxy.connect(timeout=80) as client:
                client.sendall(bytes(3000))
                if read_exactly(client, 3000):
                    continue
        except OSError:
            pass
        break
    eventually(lambda: not toxiproxy.is_alive(), "the crash of Toxiproxy")


def test_the_seed_has_no_effect_in_toxiproxy(real_toxiproxy: str, echo: Upstream) -> None:
    outcomes = set()
    for _ in range(2):
        server = start_real(real_toxiproxy, "-seed", "42")
        try:
            proxy = server.proxy(echo.port)
            proxy.add("limit_data", bytes=0, toxicity=0.5)
            hits = []
            for _ in range(40):
                with proxy.connect() as client:
                    client.sendall(b"x")
                    hits.append(client.recv(1) == b"")
            outcomes.add(tuple(hits))
        finally:
            server.stop()
    assert len(outcomes) == 2


def test_reset_peer_does_not_reset_live_connections_in_toxiproxy(
    toxiproxy: Server, echo: Upstream
) -> None:
    proxy = toxiproxy.proxy(echo.port)
    with proxy.connect() as client:
        exchange(client, b"x")
        proxy.add("reset_peer", timeout=0)
        client.sendall(b"y")
        assert wait_for_close(client) == "FIN"


def test_toxiproxy_accepts_a_toxicity_above_1(toxiproxy: Server) -> None:
    assert toxiproxy.proxy(1).add("noop", toxicity=2.5).json["toxicity"] == 2.5


def test_a_refused_update_changes_some_attributes_in_toxiproxy(toxiproxy: Server) -> None:
    proxy = toxiproxy.proxy(1)
    proxy.add("latency", name="l")
    body = b'{"attributes":{"jitter":"x","latency":5}}'
    assert toxiproxy.call("PATCH", f"{proxy.path}/toxics/l", raw=body).status == 400
    assert proxy.toxics()[0]["attributes"]["latency"] == 5


def unanswered(server: Server, method: str, path: str, body: Any = None) -> bool:
    """Return True if a call is not answered within 2 s, 20 times the embedded server's limit."""
    try:
        server.call(method, path, body, timeout=2)
    except TimeoutError:
        return True
    return False


def test_a_receiver_that_does_not_read_blocks_api_calls_of_toxiproxy(
    toxiproxy: Server, manual_upstream: Upstream
) -> None:
    proxy = toxiproxy.proxy(manual_upstream.port)
    with proxy.connect():
        upstream_sock = manual_upstream.wait_for_client()
        upstream_sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            upstream_sock.sendall(bytes(64 << 20))
        assert unanswered(toxiproxy, "POST", f"{proxy.path}/toxics", {"type": "latency"})
        assert unanswered(toxiproxy, "GET", "/proxies")


def test_removing_a_toxic_loses_a_chunk_in_toxiproxy_if_the_receiver_stalls(
    real_toxiproxy: str, manual_upstream: Upstream, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        server = start_without_log("real", [real_toxiproxy], log=file.fileno())
    data = os.urandom(24 << 20)
    try:
        proxy = server.proxy(manual_upstream.port)
        proxy.add("latency", name="l", latency=60_000)
        with proxy.connect() as client:
            upstream_sock = manual_upstream.wait_for_client()
            sender = threading.Thread(target=send_all, args=(upstream_sock, data), daemon=True)
            sender.start()
            sender.join(TIMEOUT_S)  # the toxic holds all bytes
            remover = threading.Thread(target=proxy.remove, args=("l",), daemon=True)
            remover.start()
            eventually(
                lambda: "Could not write last packets" in log.read_text(),
                "the write timeout of 5 s",
            )
            received = read_to_end(client)
            remover.join(TIMEOUT_S)
        assert 0 < len(data) - len(received) <= 2 * 32 * 1024
    finally:
        server.process.kill()
        server.stop()


def send_all(sock: socket.socket, data: bytes) -> None:
    with sock:
        sock.sendall(data)


def test_a_full_log_pipe_blocks_toxiproxy(real_toxiproxy: str) -> None:
    reader, writer = os.pipe()  # never read from
    server = start_without_log("real", [real_toxiproxy], log=writer)
    try:
        server.proxy(1)
        answered = 0
        with contextlib.suppress(TimeoutError):
            while answered < 5000:  # a pipe holds 64 KiB
                server.call("PATCH", "/proxies/p", {"enabled": bool(answered % 2)}, timeout=2)
                answered += 1
        assert 0 < answered < 5000
    finally:
        server.process.kill()
        server.stop()
        os.close(reader)
        os.close(writer)


def test_a_black_holed_upstream_blocks_api_calls_of_toxiproxy(toxiproxy: Server) -> None:
    with black_hole() as port:
        proxy = toxiproxy.proxy(port)
        with proxy.connect(), proxy.connect():
            assert unanswered(toxiproxy, "PATCH", proxy.path, {"enabled": False})


def test_toxiproxy_runs_without_an_api_if_its_port_is_in_use(
    real_toxiproxy: str, echo: Upstream, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [real_toxiproxy, "-host", "127.0.0.1", "-port", str(echo.port)], stdout=file
        )
    try:
        eventually(lambda: "address already in use" in log.read_text(), "the error")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
    finally:
        process.kill()
        process.wait()


def test_many_clients_leave_toxiproxy_without_api_and_its_proxy_dead(
    real_toxiproxy: str, manual_upstream: Upstream
) -> None:
    # Each connection takes two descriptors, and none must be left over. Whether one is depends on
    # a race, so odd and even limits are tried several times.
    outcomes = (
        exhaust_descriptors(real_toxiproxy, count, manual_upstream) for count in (64, 65) * 3
    )
    assert {"api", "proxy"} in outcomes


def exhaust_descriptors(program: str, descriptors: int, manual_upstream: Upstream) -> set[str]:
    """Open more connections than there are descriptors for; return what stopped working."""
    server = start_without_log("real", with_few_descriptors(descriptors, [program]))
    descriptors_open = Path(f"/proc/{server.process.pid}/fd")
    clients: list[socket.socket] = []
    broken: set[str] = set()
    try:
        proxy = server.proxy(manual_upstream.port)
        clients += [proxy.connect() for _ in range(60)]
        eventually(lambda: len(list(descriptors_open.iterdir())) >= descriptors - 1)
        try:
            server.call("GET", "/version", timeout=2)
        except TimeoutError:
            broken.add("api")
        while clients:
            clients.pop().close()
        eventually(lambda: len(list(descriptors_open.iterdir())) < descriptors // 2)
        with proxy.connect(timeout=2) as client:
            client.sendall(b"x")
            accepted = manual_upstream.accepted[-1]
            accepted.settimeout(2)
            if accepted.recv(1) != b"x":
                broken.add("proxy")
    except TimeoutError:
        broken.add("proxy")
    finally:
        for client in clients:
            client.close()
        server.stop()
    return broken
