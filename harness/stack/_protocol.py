"""The protocol of a running stack, its services and links. Every backend implements it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from harness.errors import StackError
from harness.history import Node

from ._spec import StackSpec

LineSink = Callable[[str, bytes, float], None]
"""Called with a service, one line of its output, and the Unix time at which the line was read."""

NodeSink = Callable[[Node], None]
"""Called when a service changes state. `Node.t` is Unix time; the run converts it."""


class GoneError(StackError):
    """The process or container no longer runs, and its state, such as toxics, is lost with it."""


@dataclass(frozen=True)
class Settings:
    """What a run sets for the services' clock, the Toxiproxy, and single services."""

    pace: float = 1.0
    """Scenario seconds per wall-clock second."""
    epoch: float | None = None
    """Unix time at which the scenario clock reads `origin`; None: when the stack is started."""
    origin: datetime | None = None
    """What the scenario clock reads at `epoch`; None: the same time as `epoch`, in UTC."""
    seed: int = 0
    """Seed of jitter and toxicity draws, where the embedded Toxiproxy server runs."""
    environment: Mapping[str, Mapping[str, str]] | None = None
    """Service -> environment variables to add to or override those of the Compose file."""
    apps: Mapping[str, str] | None = None
    """Service -> ASGI factory to run instead of its own (`module:name`)."""


@dataclass(frozen=True)
class NodeStatus:
    """The current state of one service."""

    service: str
    state: str
    """`running`, `paused`, `exited` or `starting`."""
    ready: bool
    """True if its readiness probe succeeds; always False unless it is `running`."""
    pid: int | None = None
    address: str | None = None
    """`host:port` for direct connections, which bypass every link; None without a port."""
    detail: str = ""
    """How it exited, such as `killed by SIGKILL`; empty if it runs."""


class Stack(Protocol):
    """A stack on one backend. Methods block; any thread may call them.

    Every method raises `StackError` with the service, what happened and its last log lines.
    """

    backend: str
    """The name of its backend."""

    @property
    def spec(self) -> StackSpec:
        """The description from which it was made."""

    def start(self, settings: Settings, *, lines: LineSink, nodes: NodeSink) -> None:
        """Start all services and the Toxiproxy; return when every service is ready.

        `lines` and `nodes` are called from other threads. They must not call the stack.
        """

    def close(self) -> None:
        """Stop the stack and remove everything of it except the logs. May be called twice."""

    def status(self) -> list[NodeStatus]:
        """Return the state of each service, in the order of the Compose file."""

    def address(self, service: str) -> str:
        """Return `host:port` of `service`, bypassing every link: for load, probes, final reads."""

    def link_address(self, link: str) -> str:
        """Return `host:port` at which the proxy of `link` listens."""

    def toxiproxy(self) -> str:
        """Return `host:port` of the Toxiproxy API.

        Raises:
            GoneError: the Toxiproxy has exited, and its toxics are lost.
        """

    def kill(self, service: str) -> None:
        """Kill `service` with SIGKILL, and leave it down; no-op if it is down."""

    def stop(self, service: str) -> None:
        """Stop `service` as `docker stop` does: SIGTERM, then SIGKILL after its grace period."""

    def pause(self, service: str) -> None:
        """Pause `service`: its connections stay open, and it answers nothing."""

    def resume(self, service: str) -> None:
        """Let a paused `service` continue; no-op if it runs."""

    def launch(self, service: str) -> None:
        """Start a service that is down, and return when it is ready; no-op if it runs."""

    def versions(self) -> dict[str, str]:
        """Return a map of component to version, for the evidence.

        Every backend has `harness`, `python`, `platform`, `toxiproxy`, and `postgresql` if it runs.
        """


class Detachable(Stack, Protocol):
    """A stack that can outlive the process that started it, as `harness up` needs it."""

    def detach(self) -> None:
        """Leave the stack running when this process ends; `Backend.attach` returns it later."""
