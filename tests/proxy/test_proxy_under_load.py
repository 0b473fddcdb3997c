"""Every API call is answered within 100 ms while connections are busy, with any toxics.

The load comes from separate processes, whose threads cannot disturb the test's time measurement.
"""

import multiprocessing
import random
import socket
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest
from proxy_kit import Server, call_within_100_ms
from socket_kit import TIMEOUT_S, connect, eventually, exchange, upstream

Load = Callable[[Connection], None]


@pytest.fixture
def start_load() -> Iterator[Callable[[Load], Connection]]:
    """Provide a function that runs a load in a process of its own and returns a pipe to it."""
    context = multiprocessing.get_context("spawn")
    running = []

    def start(load: Load) -> Connection:
        pipe, load_end = context.Pipe()
        process = context.Process(target=load, args=(load_end,), daemon=True)
        process.start()
        running.append((pipe, process))
        return pipe

    yield start
    for pipe, process in running:
        pipe.close()
        process.join(TIMEOUT_S)
        assert process.exitcode == 0


def run_echo_clients(pipe: Connection) -> None:
    """Exchange data with an echo server over eight connections, and check every byte.

    It sends the port of the echo server through the pipe and receives the port of the proxy. Any
    further message stops the load. Then it sends the number of exchanges of each connection, or
    None for a connection that returned wrong data.
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


def test_a_thousand_api_calls_under_load_are_answered_within_100_ms_and_lose_no_data(
    embedded: Server, start_load: Callable[[Load], Connection]
) -> None:
    load = start_load(run_echo_clients)
    proxy = embedded.proxy(load.recv())
    load.send(proxy.port)
    eventually(lambda: len(proxy.connections()) == 8, "the load")
    rng = random.Random(5)
    present: set[str] = set()
    for number in range(1000):
        toxic_type, attributes = rng.choice(
            [("latency", {"latency": 2, "jitter": 2}), ("slicer", {"average_size": 500}),
             ("bandwidth", {"rate": 100_000}), ("slow_close", {"delay": 1}), ("noop", {})]
        )  # fmt: skip
        toxic = f"{proxy.path}/toxics/{toxic_type}"
        stream = rng.choice(["upstream", "downstream"])
        if toxic_type not in present:
            body: dict[str, Any] = {"name": toxic_type, "type": toxic_type, "stream": stream}
            body["attributes"] = attributes
            status = call_within_100_ms(embedded, "POST", f"{proxy.path}/toxics", body).status
            present.add(toxic_type)
        elif number % 3:
            status = call_within_100_ms(embedded, "PATCH", toxic, {"toxicity": rng.random()}).status
        else:
            status = call_within_100_ms(embedded, "DELETE", toxic).status
            present.remove(toxic_type)
        assert status in {200, 204}
    load.send("stop")
    assert load.poll(TIMEOUT_S)
    rounds = load.recv()
    assert all(rounds), rounds


def run_bulk_transfer(pipe: Connection) -> None:
    """Receive as much data as ten connections carry.

    It sends the port of the sending server through the pipe and receives the port of the proxy. Any
    further message stops the load.
    """

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
    ("toxic_type", "attributes"),
    [
        ("slicer", {"average_size": 1}),  # 32,768 pieces of each chunk
        ("corrupt", {"probability": 1}),  # 32,768 bytes of each chunk to change
        ("http", {"path": "/x"}),
    ],
)
def test_cpu_heavy_toxics_do_not_delay_the_api(
    embedded: Server,
    start_load: Callable[[Load], Connection],
    toxic_type: str,
    attributes: dict[str, Any],
) -> None:
    load = start_load(run_bulk_transfer)
    proxy = embedded.proxy(load.recv())
    proxy.add(toxic_type, **attributes)
    load.send(proxy.port)
    eventually(
        lambda: (
            sum(c["streams"]["downstream"]["sent_bytes"] > 0 for c in proxy.connections()) == 10
        ),
        "ten busy connections",
    )
    for _ in range(20):
        assert call_within_100_ms(embedded, "GET", "/proxies").status == 200
    load.send("stop")
