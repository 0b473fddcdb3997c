"""What a canary says to a service: HTTP, PostgreSQL, or a word that most servers answer.

Each manner costs the service next to nothing: its health path, or PostgreSQL's question whether
it speaks TLS, which it answers with one byte before anyone is asked to log in.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.stack import PostgresRun, Service

from ._wire import PAD


@dataclass(frozen=True)
class Ask:
    """How a canary asks."""

    patience: float = 1.0
    """Real seconds after which silence is taken for silence."""
    pad: int = 0
    """Bytes by which the request is made longer."""
    times: int = 1
    """Questions asked on one connection; for answers longer than one."""
    whole: bool = False
    """Whether all of the answer is received, rather than its beginning."""
    until_close: bool = False
    """Whether the other side is asked to end the connection, and the end is timed."""


class Speech(Protocol):
    """A manner of speaking."""

    @property
    def mute(self) -> bool:
        """Whether the other side may well say nothing at all."""

    def turns(self, address: str, ask: Ask) -> Sequence[bytes]:
        """What to send; each turn waits for an answer to the one before."""

    def alive(self, outcome: str) -> bool:
        """Whether `outcome`, seen past every link, shows that the service is there."""


@dataclass(frozen=True)
class Http:
    """GET on a path. Any answer will do: the canary asks about the link, not about health."""

    path: str
    mute: bool = False

    def turns(self, address: str, ask: Ask) -> Sequence[bytes]:
        """One turn; several questions are sent at once.

        The connection is kept alive, as callers keep theirs: where answers are lost, a server
        that hangs up shows a caller the end of a connection instead of silence.
        """
        head = f"GET {self.path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: harness-canary\r\n"
        # Two headers, because servers limit a single one to 8 KB.
        half = "x" * (min(ask.pad, PAD) // 2)
        padding = f"X-Pad-1: {half}\r\nX-Pad-2: {half}\r\n" if ask.pad else ""
        more = f"{head}{padding}\r\n" * (ask.times - 1)
        end = "Connection: close\r\n" if ask.whole or ask.until_close else ""
        return [f"{more}{head}{padding}{end}\r\n".encode()]

    def alive(self, outcome: str) -> bool:
        """It answers."""
        return outcome == "answered"


@dataclass(frozen=True)
class Postgres:
    """PostgreSQL's SSLRequest, answered by `S` or `N`; padded, a start-up message follows."""

    user: str = "postgres"
    mute: bool = False

    def turns(self, address: str, ask: Ask) -> Sequence[bytes]:
        """SSLRequest; then what is needed to say more or to be hung up on."""
        del address
        turns = [struct.pack("!ii", 8, 80877103)]
        if ask.pad:
            name = "x" * min(ask.pad, PAD)
            text = f"user\0{self.user}\0application_name\0{name}\0\0".encode()
            turns.append(struct.pack("!ii", len(text) + 8, 196608) + text)
        elif ask.until_close:
            turns.append(struct.pack("!iiii", 16, 80877102, 0, 0))  # cancels nobody, and hangs up
        return turns

    def alive(self, outcome: str) -> bool:
        """It answers."""
        return outcome == "answered"


@dataclass(frozen=True)
class Plain:
    """Any other server: Redis answers PONG, most others an error or a hang-up, some nothing."""

    mute: bool = True

    def turns(self, address: str, ask: Ask) -> Sequence[bytes]:
        """One turn."""
        del address
        return [b"PING" + b" " * ask.pad + b"\r\n"]

    def alive(self, outcome: str) -> bool:
        """Its port takes a connection; whether it says something is up to it."""
        return outcome in ("answered", "closed", "silent")


def speech_of(service: Service) -> Speech:
    """How `service` is spoken to."""
    if isinstance(service.run, PostgresRun):
        return Postgres(service.environment.get("POSTGRES_USER", "postgres"))
    return Http(service.health) if service.health is not None else Plain()
