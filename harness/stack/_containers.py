"""What only a container engine can do to a service (capability `containers` of a backend).

    stack.engine.starve("counter-sub", cpu=0.05, memory=None)

Each change is taken back from a record that is taken before it. A record is plain data, so that
whoever reads it after a crash can take the change back as well (`Backend.restore`).
"""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ._protocol import Stack

Record: TypeAlias = Mapping[str, Any]
"""How a container is before it is changed, as JSON; its keys are its backend's own."""


@dataclass(frozen=True)
class Usage:
    """What a container may use, and what it does use."""

    cpu: float | None
    """Cores that it may use; None: all."""
    throttled: int
    """How often it was held up because it had used them."""
    memory: int | None
    """Bytes that it may use; None: all."""
    used: int
    """Bytes that it does use."""
    refused: int
    """How often it wanted more than it may use, where the engine counts that."""
    killed: bool
    """Whether the kernel has ended it for want of memory."""


class Engine(Protocol):
    """The engine, for the services of one stack.

    Every method raises `StackError` with the service, what happened and the cure.
    """

    def record(self, service: str) -> Record:
        """What `restore` needs to bring the container of `service` back to how it is now."""

    def restore(self, change: str, record: Record) -> str:
        """Take a change (`disconnect`, `starve`, `fill`, `pause`) back; what was done."""

    def disconnect(self, service: str, networks: Collection[str]) -> None:
        """Take it off `networks`; its process runs on."""

    def hosts(self, service: str) -> Mapping[str, str]:
        """Network -> its address there, for the networks that it is on now."""

    def starve(self, service: str, *, cpu: float | None, memory: int | None) -> None:
        """Let it use so many cores, or so many bytes; None leaves the one as it is.

        It may be ended for want of memory from now on: that is no surprise.
        """

    def usage(self, service: str) -> Usage:
        """What it may use, and what it does."""

    def fill(self, service: str) -> None:
        """Leave no room on any of its disks (`Service.disk`)."""

    def room(self, service: str) -> Mapping[str, bool]:
        """Path of each of its disks -> whether it takes even a page."""


@runtime_checkable
class ContainerStack(Stack, Protocol):
    """A stack whose services are containers."""

    @property
    def engine(self) -> Engine:
        """What only their engine can do to them."""

    def keep_upstream(self, link: str) -> AbstractContextManager[object]:
        """While the block lasts, the proxy of `link` leads where it leads now.

        Links to a container that is down are redirected; not while somebody replaces the proxy.
        """
