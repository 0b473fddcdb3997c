"""API calls are answered within 100 ms while connections are busy, with any toxics.

The load comes from separate processes, so that its threads do not disturb the time measurement.
"""

import multiprocessing
import random
import socket
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest
from proxy_kit import Server, call_promptly
from socket_kit import TIMEOUT_S, connect, eventually, exchange, upstream

Load = Callable[[Connection], None]


@pytest.fixture
def start_load() -> Iterator[Callable[[Load], Connection]]:
    """Return a function that runs a load in a process and returns the pipe to it."""
    context = multiprocessing.get_context("spawn")
    running = []

    def start(load: Load) -> Connection:
        parent_end, child_end = context.Pipe()
        process = context.Process(target=load, args=(child_end,), daemon=True)
        process.start()
        running.append((parent_end, process))
        return parent_end

    yield start
    for parent_end, process in running:
        parent_end.close()
        process.join(TIMEOUT_S)
        assert process.exitcode == 0


def run_echo_load(pipe: Connection) -> None:
    """Keep eight connections to an echo server busy, and check each response.

    Sends the port of the echo server, receives the port of the proxy, and runs until it receives
    anything. Then it sends how many exchanges each connection made; None for one with a wrong
    response.
    """
    stop = threading.Event()
    rounds: list[int | None] = [0] * 8

    def exchange_until_stopped(number: int, port: int) -> None:
        rng = random.Random(number)
        with connect(port) as client:
            while not stop.is_set():
                data = rng.randbytes(rng.randrange(1, 20_000))
                if exchange(client, data) != data:
                    rounds[number] = None
                    return
                rounds[number] = (rounds[number] or 0) + 1

    with upstream() as echo:
        pipe.send(echo.port)
        port = pipe.recv()
        threads = [
            threading.Thread(target=exchange_until_stopped, args=(number, port))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        pipe.recv()
        stop.set()
        for thread in threads:
            thread.join()
        pipe.send(rounds)


def test_a_thousand_changes_under_load_are_answered_promptly_and_lose_nothing(
    embedded: Server, start_load: Callable[[Load], Connection]
) -> None:
    load = start_load(run_echo_load)
    proxy = embedded.proxy(load.recv())
    load.send(proxy.port)
    eventually(lambda: len(proxy.connections()) == 8, "the load")
    rng = random.Random(5)
    present: set[str] = set()
    for number in range(1000):
        type_name, attributes = rng.choice(
            [("latency", {"latency": 2, "jitter": 2}), ("slicer", {"average_size": 500}),
             ("bandwidth", {"rate": 100_000}), ("slow_close", {"delay": 1}), ("noop", {})]
        )  # fmt: skip
        toxic = f"{proxy.path}/toxics/{type_name}"
        stream = rng.choice(["upstream", "downstream"])
        if type_name not in present:
            body = {
                "name": type_name,
                "type": type_name,
                "stream": stream,
                "attributes": attributes,
            }
            status = call_promptly(embedded, "POST", f"{proxy.path}/toxics", body).status
            present.add(type_name)
        elif number % 3:
            status = call_promptly(embedded, "PATCH", toxic, {"toxicity": rng.random()}).status
        else:
            status = call_promptly(embedded, "DELETE", toxic).status
            present.remove(type_name)
        assert status in {200, 204}
    load.send("stop")
    assert load.poll(TIMEOUT_S)
    rounds = load.recv()
    assert all(rounds), rounds


def run_bulk_load(pipe: Connection) -> None:
    """Receive as fast as possible on ten connections; the protocol is that of `run_echo_load`."""

    def send_forever(sock: socket.socket) -> None:
        while True:
            sock.sendall(bytes(1 << 16))

    def read_until_closed(sock: socket.socket) -> None:
        while sock.recv(1 << 20):
            pass

    with upstream(send_forever) as source:
        pipe.send(source.port)
        port = pipe.recv()
        clients = [connect(port) for _ in range(10)]
        threads = [threading.Thread(target=read_until_closed, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        pipe.recv()
        for client in clients:
            client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("type_name", "attributes"),
    [
        ("slicer", {"average_size": 1}),  # 32,768 pieces of each chunk
        ("corrupt", {"probability": 1}),  # as many bytes to change
        ("http", {"path": "/x"}),
    ],
)
def test_cpu_intensive_toxics_do_not_delay_the_api(
    embedded: Server,
    start_load: Callable[[Load], Connection],
    type_name: str,
    attributes: dict[str, Any],
) -> None:
    load = start_load(run_bulk_load)
    proxy = embedded.proxy(load.recv())
    proxy.add(type_name, **attributes)
    load.send(proxy.port)
    eventually(
        lambda: (
            sum(c["streams"]["downstream"]["sent_bytes"] > 0 for c in proxy.connections()) == 10
        ),
        "ten busy connections",
    )
    for _ in range(20):
        assert call_promptly(embedded, "GET", "/proxies").status == 200
    load.send("stop")
