"""The outcomes of a probe, for every protocol."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from harness.chaos._probe import probe
from harness.chaos._probe_protocol import ProbeOptions, ProbeProtocol
from harness.chaos.faults.starve import Starve
from harness.chaos.probes import HttpProtocol, PostgresProtocol, TcpProtocol, protocol_of

from .fake_stack import SPEC, close_listener
from .upstreams import serve

SHORT = ProbeOptions(timeout=0.2)
CLOSE_HEADER = "Connection: close\r\n"


@contextmanager
def listening(handle: Callable[[socket.socket], None] | None) -> Iterator[str]:
    """Yield the address of a server that calls `handle` once, or that never accepts."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            assert handle is not None
            handle(connection)

    thread = Thread(target=accept) if handle is not None else None
    if thread is not None:
        thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    if thread is not None:
        thread.join()
    listener.close()


@contextmanager
def upstream(protocol: str) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    Thread(target=serve, args=(listener, protocol), daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    close_listener(listener)


def test_a_port_without_a_listener_refuses() -> None:
    with listening(None) as address:
        pass
    assert probe(address, HttpProtocol("/"), SHORT).outcome == "refused"


def test_an_invalid_address_is_unreachable() -> None:
    assert probe("no port here", HttpProtocol("/"), SHORT).outcome == "unreachable"


def test_a_connection_that_is_never_accepted_is_silent() -> None:
    with listening(None) as address:
        result = probe(address, HttpProtocol("/"), SHORT)
    assert result.outcome == "silent"
    assert result.response_time >= 0.2


def test_accepted_then_closed_is_not_refused() -> None:
    def read_and_close(connection: socket.socket) -> None:
        connection.recv(65536)

    with listening(read_and_close) as address:
        assert probe(address, HttpProtocol("/"), SHORT).outcome == "closed"


def test_a_reset_is_not_a_close() -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listening(reset) as address:
        assert probe(address, HttpProtocol("/"), SHORT).outcome == "reset"


@pytest.mark.parametrize(
    ("server", "protocol"), [("http", HttpProtocol("/health")), ("postgres", PostgresProtocol())]
)
@pytest.mark.parametrize(
    "options",
    [
        ProbeOptions(),
        ProbeOptions(padding=9000),
        ProbeOptions(until_close=True),
        ProbeOptions(requests=3, read_all=True),
    ],
)
def test_http_and_postgres_servers_answer(
    server: str, protocol: ProbeProtocol, options: ProbeOptions
) -> None:
    with upstream(server) as address:
        result = probe(address, protocol, options)
    assert result.outcome == "answered"
    assert result.size >= 1
    assert 0 < result.response_time <= result.total_time
    if options.until_close:
        assert result.connection == "closed"


def test_each_of_several_requests_is_answered() -> None:
    with upstream("http") as address:
        one = probe(address, HttpProtocol("/"), ProbeOptions(read_all=True)).size
        five = probe(address, HttpProtocol("/"), ProbeOptions(requests=5, read_all=True)).size
    assert five >= 5 * one - 4 * len(CLOSE_HEADER)


def test_a_probe_that_keeps_a_service_busy_reads_all_answers() -> None:
    options = Starve(cpu=0.05).probe_options()
    with upstream("http") as address:
        one = probe(address, HttpProtocol("/health"), ProbeOptions(read_all=True)).size
        size = probe(address, HttpProtocol("/health"), options).size
    assert options.requests > 50
    assert size >= options.requests * (one - len(CLOSE_HEADER))


def test_the_protocol_depends_on_the_service() -> None:
    assert protocol_of(SPEC.services["border"]) == HttpProtocol("/health")
    assert protocol_of(SPEC.services["database"]) == PostgresProtocol("postgres")
    assert protocol_of(SPEC.services["queue"]) == TcpProtocol()


def test_a_silent_server_is_alive_if_it_accepts_connections() -> None:
    with upstream("silent") as address:
        result = probe(address, TcpProtocol(), SHORT)
    assert result.outcome == "silent"
    assert TcpProtocol().proves_alive(result.outcome)
    assert not TcpProtocol().proves_alive("refused")
