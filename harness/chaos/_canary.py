"""One look at one address: what a caller would see there, now.

Written on plain sockets because the difference between refused, closed, reset and silent is the
whole point, and HTTP clients blur it. A look never raises; whatever happens is its outcome.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Literal, TypeAlias

from ._speech import Ask, Speech

Outcome = Literal["refused", "unreachable", "silent", "closed", "reset", "answered"]

_CONNECT = 2.0
"""Real seconds that a connect may take; on loopback and on a bridge it takes microseconds."""

_LINGER = 0.25
"""Real seconds after which an answer that has begun is taken as whole."""


@dataclass(frozen=True)
class Sight:
    """What was seen.

    `refused`: nobody listens. `unreachable`: no connection for another reason. `silent`:
    connected, and neither byte nor end came. `closed`, `reset`: the connection ended before any
    answer. `answered`: bytes came.
    """

    outcome: Outcome
    first: float
    """Real seconds from the request until the first byte of its answer, or until the outcome."""
    last: float
    """Real seconds from the request until the last byte, or the connection's end if awaited."""
    size: int = 0
    """Bytes received."""
    end: Literal["open", "closed", "reset"] = "open"
    """How the connection stood when the look was over."""

    def __str__(self) -> str:
        if self.outcome == "answered":
            ending = "" if self.end != "reset" else ", then reset"
            return f"answered in {self.first * 1000:.0f} ms ({self.size} bytes{ending})"
        if self.outcome in ("silent", "closed", "reset"):
            return f"{self.outcome} after {self.first * 1000:.0f} ms"
        return self.outcome


Looks: TypeAlias = Sequence[Sight]
"""What several canaries saw at the same time at the same address."""


def look(address: str, speech: Speech, ask: Ask) -> Sight:
    """Ask at `address` (`host:port`) in the manner of `speech`, and say what was seen."""
    host, _, port = address.rpartition(":")
    start = monotonic()
    try:
        connection = socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT)
    except ConnectionRefusedError:
        return _nothing("refused", start)
    except (OSError, ValueError):
        return _nothing("unreachable", start)
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Talk(connection, address, speech, ask).sight()


def _nothing(outcome: Outcome, start: float) -> Sight:
    elapsed = monotonic() - start
    return Sight(outcome, elapsed, elapsed)


class _Talk:
    """One conversation; its state is what has been seen of the answer so far."""

    def __init__(self, connection: socket.socket, address: str, speech: Speech, ask: Ask) -> None:
        self.connection = connection
        self.turns = speech.turns(address, ask)
        self.ask = ask
        self.start = monotonic()
        self.first: float | None = None
        self.last = 0.0
        self.size = 0

    def sight(self) -> Sight:
        end: Literal["open", "closed", "reset"] = "open"
        try:
            for number, request in enumerate(self.turns, 1):
                self.connection.settimeout(self.ask.patience)
                self.connection.sendall(request)
                self._receive(counts=number == len(self.turns) or self.ask.until_close)
            while self.ask.whole or self.ask.until_close:
                self._receive(counts=False)
        except (TimeoutError, BlockingIOError):
            pass
        except EOFError:
            end = "closed"
        except (ConnectionError, OSError):
            end = "reset"
        now = monotonic() - self.start
        if self.first is not None:
            awaited = self.ask.until_close and end != "open"
            return Sight("answered", self.first, now if awaited else self.last, self.size, end)
        outcomes: dict[str, Outcome] = {"open": "silent", "closed": "closed", "reset": "reset"}
        return Sight(outcomes[end], now, now, 0, end)

    def _receive(self, *, counts: bool) -> None:
        """Receive once; where it `counts`, this is the answer that was asked for."""
        left = self.ask.patience - (monotonic() - self.start)
        if self.first is not None and not self.ask.until_close:
            left = min(left, _LINGER)
        self.connection.settimeout(max(left, 0.001))
        piece = self.connection.recv(65536)
        if not piece:
            raise EOFError
        self.last = monotonic() - self.start
        self.size += len(piece)
        if counts:
            self.first = self.last
