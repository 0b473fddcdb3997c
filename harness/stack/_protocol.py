"""A stack that runs: its services and links. Every backend implements this protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from harness.errors import StackError
from harness.history import Node

from ._spec import StackSpec

LineSink = Callable[[str, bytes, float], None]
"""Called with service, one line of its output, and the Unix time at which it was read."""

NodeSink = Callable[[Node], None]
"""Called when a node changes state; `Node.t` is Unix time, the run makes it relative."""


class GoneError(StackError):
    """What was asked for has ended, and took with it whatever was on it."""


@dataclass(frozen=True)
class Settings:
    """What a run decides about the stack's clock and about single services."""

    pace: float = 1.0
    epoch: float | None = None
    """Unix time that `origin` stands for; None: when the stack is started."""
    origin: datetime | None = None
    environment: Mapping[str, Mapping[str, str]] | None = None
    """Service -> variables that differ from the file."""
    apps: Mapping[str, str] | None = None
    """Service -> another ASGI factory."""


@dataclass(frozen=True)
class NodeStatus:
    """One service as it stands now."""

    service: str
    state: str
    """`running`, `paused`, `exited` or `starting`."""
    ready: bool
    pid: int | None = None
    address: str | None = None
    """`host:port` at which it is reached past every link; None without a port."""
    detail: str = ""


class Stack(Protocol):
    """A stack on one backend. Methods block; any thread may call them.

    Every method raises `StackError` with the service, what happened and its last lines.
    """

    backend: str

    @property
    def spec(self) -> StackSpec:
        """What was started."""

    def start(self, settings: Settings, *, lines: LineSink, nodes: NodeSink) -> None:
        """Start everything and return when every service is ready."""

    def close(self) -> None:
        """Stop everything; nothing of the stack is left afterwards. May be called twice."""

    def status(self) -> list[NodeStatus]:
        """How each service stands."""

    def address(self, service: str) -> str:
        """`host:port` of `service` past every link, for load, canaries and final reads."""

    def link_address(self, link: str) -> str:
        """`host:port` at which `link`'s proxy listens, as its caller sees it."""

    def toxiproxy(self) -> str:
        """`host:port` of the Toxiproxy API.

        Raises:
            GoneError: the Toxiproxy has ended, and its toxics with it.
        """

    def kill(self, service: str) -> None:
        """End it at once, as kill -9 does, and leave it down."""

    def stop(self, service: str) -> None:
        """End it as `docker stop` does: SIGTERM, then SIGKILL after its grace period."""

    def pause(self, service: str) -> None:
        """Freeze it; connections stay open and nothing answers."""

    def resume(self, service: str) -> None:
        """The opposite of `pause`."""

    def launch(self, service: str) -> None:
        """Start a service that is down, and return when it is ready; no-op if it runs."""

    def versions(self) -> dict[str, str]:
        """What runs, for the evidence: Python, Toxiproxy, PostgreSQL, engine, images."""


class Detachable(Stack, Protocol):
    """A stack that can outlive the process that started it."""

    def detach(self) -> None:
        """Leave the stack running; its backend's `attach` finds it again."""
