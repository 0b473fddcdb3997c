"""A container is taken off the network: its process runs on, and nobody reaches it."""

from typing import ClassVar

from pydantic import Field

from harness.chaos._canary import Sight
from harness.chaos._kind import Change, ContainerFault, Standing, engine_of
from harness.chaos._wire import Wire
from harness.stack import Engine, NodeStatus, Service, Stack


class Disconnect(ContainerFault, name="disconnect"):
    """Take it off `network`, or off all; healed, it is back under the same names and address.

    What was connected is neither closed nor reset: packets go nowhere, as when a cable is pulled.
    """

    network: str | None = Field(default=None, description="As in the Compose file; all without.")
    leaves: ClassVar[Standing] = "disconnected"
    change: ClassVar[Change] = "disconnect"

    def misfits(self, service: Service) -> str:
        """It must be on the network."""
        if not service.networks:
            return f"{service.name} has a network_mode, and no network to be taken off"
        if self.network is not None and self.network not in service.networks:
            there = ", ".join(service.networks)
            return f"with: network: {service.name} is not on {self.network!r}; it is on {there}"
        return ""

    def strike(self, engine: Engine, service: str) -> None:
        """The engine takes its end of the cable away."""
        networks = tuple(engine.hosts(service)) if self.network is None else (self.network,)
        engine.disconnect(service, networks)

    def place(self, stack: Stack, service: str) -> str | None:
        """Its address on that network."""
        hosts = engine_of(stack, self).hosts(service)
        return hosts.get(self.network) if self.network is not None else None

    def expected(self, wire: Wire) -> str:
        """No route, and a process all the same."""
        del wire
        return "running and unreachable"

    def seen(self, before: NodeStatus, now: NodeStatus, beside: Sight | None) -> bool:
        """The same process, and nothing at its address."""
        away = beside is None or beside.outcome == "unreachable"
        return now.state == before.state and now.pid == before.pid and away

    def missing(self, stack: Stack, service: str, before: object) -> str:
        """The engine says so as well."""
        del before
        hosts = engine_of(stack, self).hosts(service)
        left = [name for name in hosts if self.network in (None, name)]
        return f"the engine has it on {', '.join(left)}" if left else ""
