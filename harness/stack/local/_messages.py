"""The messages between the harness and a stack's supervisor: JSON lines over a unix socket.

Each request has an `id` and gets one `Reply`. A connection that has sent `Follow` also gets the
events, `Output` and `Changed`. The supervisor starts with one connection, its parent pipe: when
that closes, the supervisor ends and every service with it, unless it got a `Detach` before.
"""

from typing import Literal, TypeAlias

import msgspec


class ProcessSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How to start one process. Exactly one of `argv` and `app` is set."""

    service: str
    argv: tuple[str, ...] = ()
    app: str = ""
    """An ASGI factory, `module:name`."""
    environment: dict[str, str] = {}
    """All of its environment."""
    directory: str = "/"
    port: int = 0
    """The port on which it listens; 0 if it does not."""
    user: int | None = None
    """Id of the user to run as; None: the user of the harness."""
    group: int | None = None
    """Id of the group to run as; None: the group of the harness."""
    grace: float = 10.0
    """Wall-clock seconds between the stop signal and SIGKILL."""
    stop_signal: int = 15
    """Number of the signal that asks it to stop."""
    infrastructure: bool = False
    """Stopped last, because services need it until they have ended."""
    data: str = ""
    """A PostgreSQL data directory, whose shared memory is removed when the server is killed."""


class _Request(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    id: int = 0


class Follow(_Request, frozen=True, kw_only=True):
    """Send events to this connection from now on."""


class Reserve(_Request, frozen=True, kw_only=True):
    """Reserve `count` ports for as long as the stack runs."""

    count: int


class Preload(_Request, frozen=True, kw_only=True):
    """Import the modules of the ASGI services before the supervisor forks them."""

    factories: tuple[str, ...]
    """ASGI factories, `module:name`."""
    paths: tuple[str, ...]
    """Directories to add to `sys.path`."""
    variables: tuple[str, ...]
    """The services' own variables; a module that reads one on import is not shared."""


class Spawn(_Request, frozen=True, kw_only=True):
    """Start a process; an error if it already runs."""

    spec: ProcessSpec


class Signal(_Request, frozen=True, kw_only=True):
    """Kill, stop, pause or resume a service; the reply is sent when that is done."""

    service: str
    action: Literal["kill", "stop", "pause", "resume"]


class ListProcesses(_Request, frozen=True, kw_only=True):
    """Return the state of every process."""


class Detach(_Request, frozen=True, kw_only=True):
    """Keep running when the parent pipe closes."""


class Shutdown(_Request, frozen=True, kw_only=True):
    """Stop all services in order, then end the supervisor."""


Request: TypeAlias = Follow | Reserve | Preload | Spawn | Signal | ListProcesses | Detach | Shutdown


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one process; `code` is its exit code, if it has exited."""

    service: str
    pid: int
    state: Literal["running", "paused", "exited"]
    code: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to request `id`; `error` is empty if it succeeded."""

    id: int
    error: str = ""
    ports: tuple[int, ...] = ()
    """The answer to `Reserve`."""
    processes: tuple[ProcessState, ...] = ()
    """The answer to `ListProcesses`."""


class Output(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Event: lines that a process wrote; `t` is the Unix time at which they were read."""

    service: str
    t: float
    lines: tuple[bytes, ...]


class Changed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Event: a process changed its state at Unix time `t`; `planned` if a request caused it."""

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
    """Return `message` as one line of JSON, with the newline."""
    return _encoder.encode(message) + b"\n"


def decode_request(line: bytes) -> Request:
    """Return the request in `line`."""
    return _requests.decode(line)


def decode_message(line: bytes) -> Message:
    """Return the reply or event in `line`."""
    return _messages.decode(line)
