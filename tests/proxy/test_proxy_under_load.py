"""Every call is answered within 100 ms while connections are busy, whatever toxics make of it.

The load comes from processes of its own, whose threads do not get in the way of our clock.
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
    """Return what runs a load in a process of its own, and gives the pipe to it."""
    context = multiprocessing.get_context("spawn")
    running = []

    def start(load: Load) -> Connection:
        ours, theirs = context.Pipe()
        process = context.Process(target=load, args=(theirs,), daemon=True)
        process.start()
        running.append((ours, process))
        return ours

    yield start
    for ours, process in running:
        ours.close()
        process.join(TIMEOUT_S)
        assert process.exitcode == 0


def chat(pipe: Connection) -> None:
    """Keep eight connections to an echo busy, and see that each answer is right.

    Tells the echo's port, is told the proxy's, and when told to stop, tells how many times each
    connection was answered; None for one with a wrong answer.
    """
    stop = threading.Event()
    rounds: list[int | None] = [0] * 8

    def talk(number: int, port: int) -> None:
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
        threads = [threading.Thread(target=talk, args=(number, port)) for number in range(8)]
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
    chatter = start_load(chat)
    proxy = embedded.proxy(chatter.recv())
    chatter.send(proxy.port)
    eventually(lambda: len(proxy.connections()) == 8, "the load")
    rng = random.Random(5)
    present: set[str] = set()
    for number in range(1000):
        kind, attributes = rng.choice(
            [("latency", {"latency": 2, "jitter": 2}), ("slicer", {"average_size": 500}),
             ("bandwidth", {"rate": 100_000}), ("slow_close", {"delay": 1}), ("noop", {})]
        )  # fmt: skip
        toxic = f"{proxy.path}/toxics/{kind}"
        stream = rng.choice(["upstream", "downstream"])
        if kind not in present:
            body = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
            status = call_within_100_ms(embedded, "POST", f"{proxy.path}/toxics", body).status
            present.add(kind)
        elif number % 3:
            status = call_within_100_ms(embedded, "PATCH", toxic, {"toxicity": rng.random()}).status
        else:
            status = call_within_100_ms(embedded, "DELETE", toxic).status
            present.remove(kind)
        assert status in {200, 204}
    chatter.send("stop")
    assert chatter.poll(TIMEOUT_S)
    rounds = chatter.recv()
    assert all(rounds), rounds


def flood(pipe: Connection) -> None:
    """Pull as much as ten connections carry; told and tells as `chat` does."""

    def pour(sock: socket.socket) -> None:
        while True:
            sock.sendall(bytes(1 << 16))

    def drink(sock: socket.socket) -> None:
        while sock.recv(1 << 20):
            pass

    with upstream(pour) as source:
        pipe.send(source.port)
        port = pipe.recv()
        clients = [connect(port) for _ in range(10)]
        threads = [threading.Thread(target=drink, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        pipe.recv()
        for client in clients:
            client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("slicer", {"average_size": 1}),  # 32,768 pieces of each chunk
        ("corrupt", {"probability": 1}),  # as many bytes to change
        ("http", {"path": "/x"}),
    ],
)
def test_cpu_heavy_toxics_do_not_delay_the_api(
    embedded: Server,
    start_load: Callable[[Load], Connection],
    kind: str,
    attributes: dict[str, Any],
) -> None:
    flooder = start_load(flood)
    proxy = embedded.proxy(flooder.recv())
    proxy.add(kind, **attributes)
    flooder.send(proxy.port)
    eventually(
        lambda: (
            sum(c["streams"]["downstream"]["sent_bytes"] > 0 for c in proxy.connections()) == 10
        ),
        "ten busy connections",
    )
    for _ in range(20):
        assert call_within_100_ms(embedded, "GET", "/proxies").status == 200
    flooder.send("stop")
