"""No service can keep a run from ending: final reads and quiescence answers have bounds."""

import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from threading import Event as Flag
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from harness.clock import WALL_CLOCK
from harness.history import Read
from harness.run import _quiescence
from harness.run._bounded_get import send_request
from harness.run._quiescence import await_quiescence, final_reads

pytestmark = pytest.mark.timeout(30)

Respond = Callable[[socket.socket, Flag], None]
Start = Callable[[Respond], Any]

HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def start() -> Iterator[Start]:
    """Yield a function that starts a service on loopback and returns its stack."""
    closed = Flag()
    with ExitStack() as servers:
        servers.callback(closed.set)

        def start(respond: Respond) -> Any:
            server = servers.enter_context(socket.create_server(("127.0.0.1", 0)))
            Thread(target=serve, args=(server, respond, closed), daemon=True).start()
            port = server.getsockname()[1]
            service = SimpleNamespace(reads={"rows": "/rows"}, quiescent="/status")
            spec = SimpleNamespace(services={"border": service})
            return SimpleNamespace(spec=spec, address=lambda _: f"127.0.0.1:{port}")

        yield start


def serve(server: socket.socket, respond: Respond, closed: Flag) -> None:
    """Answer one request per connection with `respond`, until the server is closed."""
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                respond(connection, closed)


def drip_header(connection: socket.socket, closed: Flag) -> None:
    connection.sendall(HEADER + b"X-Slow: ")
    drip(connection, closed)


def drip_body(connection: socket.socket, closed: Flag) -> None:
    connection.sendall(HEADER + b"Content-Length: 1000000\r\n\r\n")
    drip(connection, closed)


def drip(connection: socket.socket, closed: Flag) -> None:
    while not closed.wait(0.02):
        connection.sendall(b" ")


def endless_body(connection: socket.socket, closed: Flag) -> None:
    connection.sendall(HEADER + b"\r\n")
    while not closed.is_set():
        connection.sendall(b" " * 65536)


def endless_pages(connection: socket.socket, closed: Flag) -> None:
    del closed
    connection.sendall(HEADER + b'Connection: close\r\n\r\n{"items": [], "next": "/rows"}')


def last_read(stack: Any, stop: Flag | None = None) -> Read:
    *_, last = final_reads(stack, stop or Flag(), WALL_CLOCK)
    assert not last.complete
    return last


@pytest.mark.parametrize("respond", [drip_header, drip_body, endless_pages])
def test_a_read_that_takes_too_long_ends_with_an_error(
    start: Start, monkeypatch: pytest.MonkeyPatch, respond: Respond
) -> None:
    monkeypatch.setattr(_quiescence, "_READ_TIME", 0.5)
    assert "border: read 'rows' takes more than 0.5 s" in last_read(start(respond)).error


@pytest.mark.parametrize(
    ("bound", "unit"), [("_PAGE_BYTES", "in one page"), ("_READ_BYTES", "in one read")]
)
def test_a_page_that_never_ends_ends_with_an_error(
    start: Start, monkeypatch: pytest.MonkeyPatch, bound: str, unit: str
) -> None:
    monkeypatch.setattr(_quiescence, bound, 1 << 20)
    error = last_read(start(endless_body)).error
    assert f"border: read 'rows' has more than 1 MB {unit}" in error


def test_pages_that_together_are_too_large_end_with_an_error(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_quiescence, "_READ_BYTES", 1000)
    assert "in one read" in last_read(start(endless_pages)).error


def test_too_many_pages_end_with_an_error(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_quiescence, "_MAX_PAGES", 3)
    reads = list(final_reads(start(endless_pages), Flag(), WALL_CLOCK))
    assert [read.error != "" for read in reads] == [False, False, False, True]
    assert "border: read 'rows' has more than 3 pages" in reads[-1].error


@pytest.mark.parametrize("respond", [drip_header, drip_body, endless_body, endless_pages])
def test_a_read_ends_when_the_run_is_ended(start: Start, respond: Respond) -> None:
    stop = Flag()
    requests = itertools.count(1)

    def end_at_the_third(connection: socket.socket, closed: Flag) -> None:
        if next(requests) == 3 or respond is not endless_pages:
            stop.set()
        respond(connection, closed)

    assert "the run was ended during this read" in last_read(start(end_at_the_third), stop).error


def test_after_the_run_is_ended_no_read_begins(start: Start) -> None:
    stop = Flag()
    stop.set()
    assert list(final_reads(start(endless_pages), stop, WALL_CLOCK)) == []


def test_json_that_is_nested_too_deep_is_an_error_of_the_read(start: Start) -> None:
    def nested(connection: socket.socket, closed: Flag) -> None:
        del closed
        connection.sendall(HEADER + b"Connection: close\r\n\r\n" + b"[" * 500_000)

    assert "RecursionError" in last_read(start(nested)).error


def test_only_the_begin_of_the_answer_to_a_call_is_read(start: Start) -> None:
    address = start(endless_body).address("border")
    assert send_request("POST", f"http://{address}/x", {"a": 1}) == (200, " " * 500)


def test_the_answer_to_a_call_may_be_short(start: Start) -> None:
    def short(connection: socket.socket, closed: Flag) -> None:
        del closed
        connection.sendall(b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno")

    address = start(short).address("border")
    assert send_request("POST", f"http://{address}/x", None) == (409, "no")


@pytest.mark.parametrize(
    ("respond", "text"),
    [
        (drip_header, "takes longer than 0.5 s to answer /status"),
        (drip_body, "takes longer than 0.5 s to answer /status"),
        (endless_body, "answers /status with more than 1 MB"),
    ],
)
def test_a_service_whose_quiescence_answer_never_ends_is_named(
    start: Start, monkeypatch: pytest.MonkeyPatch, respond: Respond, text: str
) -> None:
    monkeypatch.setattr(_quiescence, "_ANSWER_TIME", 0.5)
    monkeypatch.setattr(_quiescence, "_PAGE_BYTES", 1 << 20)
    busy = await_quiescence(start(respond), Flag(), lambda: 0.0, WALL_CLOCK)
    assert busy == f"border {text}"


def test_polling_ends_when_the_run_is_ended_during_an_answer(start: Start) -> None:
    stop = Flag()

    def end(connection: socket.socket, closed: Flag) -> None:
        stop.set()
        drip_header(connection, closed)

    busy = await_quiescence(start(end), stop, lambda: 60.0, WALL_CLOCK)
    assert "the run was ended" in busy
