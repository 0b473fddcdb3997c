"""What the harness and a stack's supervisor say to each other: JSON lines over a unix socket.

Requests carry an `id` and get one `Reply` each. A connection that asked to `Follow` also gets
`Output` and `Changed` as they happen. The connection that the supervisor was born with is its
parent_pipe: when that one closes, everything ends, unless `Detach` was said before.
"""

from typing import Literal, TypeAlias

import msgspec


class ProcessSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How one process is started, and started again. Exactly one of `argv` and `app`."""

    service: str
    argv: tuple[str, ...] = ()
    app: str = ""
    environment: dict[str, str] = {}
    directory: str = "/"
    port: int = 0
    user: int | None = None
    """Another user and group to run as; None: whoever runs the harness."""
    group: int | None = None
    grace: float = 10.0
    stop_signal: int = 15
    infrastructure: bool = False
    """Ended last: others need it until they are gone."""
    data: str = ""
    """A PostgreSQL data directory, whose shared memory must go when it is killed."""


class _Request(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    id: int = 0


class Follow(_Request, frozen=True, kw_only=True):
    """Send me what happens from now on."""


class Reserve(_Request, frozen=True, kw_only=True):
    """Give me `count` ports that nobody else will get while the stack lives."""

    count: int


class Preload(_Request, frozen=True, kw_only=True):
    """Import what the ASGI services need, once, so that their forks have it."""

    factories: tuple[str, ...]
    paths: tuple[str, ...]
    variables: tuple[str, ...]
    """The services' own: a module that reads one on import is left to its service."""


class Spawn(_Request, frozen=True, kw_only=True):
    """Start a process; an error if it runs."""

    spec: ProcessSpec


class Signal(_Request, frozen=True, kw_only=True):
    """Kill, stop, pause or resume; the reply comes when it is done."""

    service: str
    action: Literal["kill", "stop", "pause", "resume"]


class ListProcesses(_Request, frozen=True, kw_only=True):
    """How does every process stand?"""


class Detach(_Request, frozen=True, kw_only=True):
    """Live on without me."""


class Shutdown(_Request, frozen=True, kw_only=True):
    """Stop everything in good order, and go."""


Request: TypeAlias = Follow | Reserve | Preload | Spawn | Signal | ListProcesses | Detach | Shutdown


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process, as the supervisor knows it."""

    service: str
    pid: int
    state: Literal["running", "paused", "exited"]
    code: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to request `id`; `error` says why it was not done."""

    id: int
    error: str = ""
    ports: tuple[int, ...] = ()
    processes: tuple[ProcessState, ...] = ()


class Output(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Lines that a process wrote, read at `t`."""

    service: str
    t: float
    lines: tuple[bytes, ...]


class Changed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A process changed state at `t`; `planned` if a request did it."""

    service: str
    t: float
    state: Literal["started", "exited", "paused", "resumed"]
    pid: int
    planned: bool = True
    code: int | None = None


Message: TypeAlias = Reply | Output | Changed

_encoder = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_messages: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def encode(message: Request | Message) -> bytes:
    """`message` as one line, its end included."""
    return _encoder.encode(message) + b"\n"


def decode_request(line: bytes) -> Request:
    """The request on `line`."""
    return _requests.decode(line)


def decode_message(line: bytes) -> Message:
    """The reply or event on `line`."""
    return _messages.decode(line)
