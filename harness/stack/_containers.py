"""Faults that only a container engine can inject (capability `containers` of a backend).

    record = stack.engine.record("shop")                        # before every change
    stack.engine.starve("shop", cpu=0.05, memory=None)
    stack.engine.restore("starve", record)

A record is plain data: another process that reads it after a crash can revert the change as well,
with `Backend.restore`.
"""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ._protocol import Stack

Record: TypeAlias = Mapping[str, Any]
"""The settings of a container before a change, as a JSON object.

`service` is its name in the Compose file. The other keys are the backend's own: opaque to callers.
"""


@dataclass(frozen=True)
class Usage:
    """The resource limits of a container, and what it uses now."""

    cpu: float | None
    """CPU limit in cores; None: no limit."""
    throttled: int
    """Number of scheduler periods in which it was throttled at that limit."""
    memory: int | None
    """Memory limit in bytes; None: no limit."""
    used: int
    """Memory in use, in bytes."""
    refused: int
    """Number of allocations that hit the memory limit; 0 if the engine does not count them."""
    killed: bool
    """True if the kernel's OOM killer has killed it."""


class Engine(Protocol):
    """The container engine, for the services of one stack.

    Every method raises `StackError` with the service, what happened and the cure.
    """

    def record(self, service: str) -> Record:
        """Return the current settings of the container of `service`, for `restore`.

        They cover everything that `disconnect`, `starve` and `fill` can change.
        """

    def restore(self, change: str, record: Record) -> str:
        """Revert `change` to the settings in `record`, which was taken before it.

        Args:
            change: `disconnect`, `starve`, `fill` or `pause`.
            record: what `record` returned.

        Returns:
            A phrase that says what was done, such as `connected to default again`.
        """

    def disconnect(self, service: str, networks: Collection[str]) -> None:
        """Disconnect the container of `service` from `networks`; its process keeps running."""

    def hosts(self, service: str) -> Mapping[str, str]:
        """Return a map of network name to IP address, for the networks that it is connected to."""

    def starve(self, service: str, *, cpu: float | None, memory: int | None) -> None:
        """Limit the CPU or the memory of `service`.

        From now on it may be killed for lack of memory: such an exit is reported as planned.

        Args:
            service: the service to limit.
            cpu: cores; None leaves the CPU limit as it is.
            memory: bytes; None leaves the memory limit as it is.
        """

    def usage(self, service: str) -> Usage:
        """Return the limits of the container of `service` and its current use."""

    def fill(self, service: str) -> None:
        """Fill every disk of limited size (`Service.disk`) of `service`."""

    def room(self, service: str) -> Mapping[str, bool]:
        """Return for each disk of limited size of `service` whether it has free space.

        Returns:
            The disk's mount path in the container -> True if a page of 4096 bytes can be written.
        """


@runtime_checkable
class ContainerStack(Stack, Protocol):
    """A stack whose services are containers."""

    @property
    def engine(self) -> Engine:
        """The engine that runs them."""

    def keep_upstream(self, link: str) -> AbstractContextManager[object]:
        """Return a context manager during which the proxy of `link` keeps its upstream.

        The stack redirects the links to a container that is down. This delays it while the caller
        replaces the proxy.
        """
