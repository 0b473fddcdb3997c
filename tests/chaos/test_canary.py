"""What a canary sees, of whatever can be seen."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from harness.chaos._canary import look
from harness.chaos._speech import Ask, Http, Plain, Postgres, speech_of
from harness.chaos.faults.starve import Starve

from .fake_stack import SPEC, hang_up
from .upstreams import serve

BRIEF = Ask(patience=0.2)


@contextmanager
def listening(talk: Callable[[socket.socket], None] | None) -> Iterator[str]:
    """A server that does `talk` with its first caller, or never accepts."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            assert talk is not None
            talk(connection)

    thread = Thread(target=accept) if talk is not None else None
    if thread is not None:
        thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    if thread is not None:
        thread.join()
    listener.close()


@contextmanager
def upstream(manner: str) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    Thread(target=serve, args=(listener, manner), daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    hang_up(listener)


def test_nobody_listens() -> None:
    with listening(None) as address:
        pass
    assert look(address, Http("/"), BRIEF).outcome == "refused"


def test_no_such_place() -> None:
    assert look("no port here", Http("/"), BRIEF).outcome == "unreachable"


def test_a_connection_that_nobody_accepts_is_silent() -> None:
    with listening(None) as address:
        sight = look(address, Http("/"), BRIEF)
    assert sight.outcome == "silent"
    assert sight.first >= 0.2


def test_accepted_then_closed_is_not_refused() -> None:
    def read_and_close(connection: socket.socket) -> None:
        connection.recv(65536)

    with listening(read_and_close) as address:
        assert look(address, Http("/"), BRIEF).outcome == "closed"


def test_a_reset_is_not_an_end() -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listening(reset) as address:
        assert look(address, Http("/"), BRIEF).outcome == "reset"


@pytest.mark.parametrize(
    ("manner", "speech"), [("http", Http("/health")), ("postgres", Postgres())]
)
@pytest.mark.parametrize(
    "ask", [Ask(), Ask(pad=9000), Ask(until_close=True), Ask(times=3, whole=True)]
)
def test_servers_that_speak_answer(manner: str, speech: Http | Postgres, ask: Ask) -> None:
    with upstream(manner) as address:
        sight = look(address, speech, ask)
    assert sight.outcome == "answered"
    assert sight.size >= 1
    assert 0 < sight.first <= sight.last
    if ask.until_close:
        assert sight.end == "closed"


def test_several_questions_have_an_answer_each() -> None:
    with upstream("http") as address:
        one = look(address, Http("/"), Ask(whole=True)).size
        five = look(address, Http("/"), Ask(times=5, whole=True)).size
    assert five >= 5 * one - 4 * len("Connection: close\r\n")


def test_a_canary_that_keeps_a_service_busy_does_not_hang_up_at_the_first_answer() -> None:
    ask = Starve(cpu=0.05).ask()
    with upstream("http") as address:
        one = look(address, Http("/health"), Ask(whole=True)).size
        all_of_them = look(address, Http("/health"), ask).size
    assert ask.times > 50
    assert all_of_them >= ask.times * (one - len("Connection: close\r\n"))


def test_each_service_is_spoken_to_in_its_own_manner() -> None:
    assert speech_of(SPEC.services["border"]) == Http("/health")
    assert speech_of(SPEC.services["database"]) == Postgres("postgres")
    assert speech_of(SPEC.services["queue"]) == Plain()


def test_a_mute_server_is_alive_as_long_as_it_takes_connections() -> None:
    with upstream("mute") as address:
        sight = look(address, Plain(), BRIEF)
    assert sight.outcome == "silent"
    assert Plain().alive(sight.outcome)
    assert not Plain().alive("refused")
