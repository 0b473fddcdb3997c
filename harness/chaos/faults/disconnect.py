"""Disconnect: a container is taken off the network; its process keeps running, unreachable."""

from typing import ClassVar

from pydantic import Field

from harness.chaos._fault_type import Change, ContainerFault, NodeState, engine_of
from harness.chaos._probe import ProbeResult
from harness.chaos._timing import Timing
from harness.stack import Engine, NodeStatus, Service, Stack


class Disconnect(ContainerFault, name="disconnect"):
    """Take a container off `network`, or off all; healing restores its names and address.

    Open connections are neither closed nor reset: packets are lost, as with a pulled cable.
    """

    network: str | None = Field(
        default=None, description="A network of the Compose file; without it, all of them."
    )
    node_state: ClassVar[NodeState] = "disconnected"
    change: ClassVar[Change] = "disconnect"

    def unfit_reason(self, service: Service) -> str:
        """Return a text if the service is not on the network."""
        if not service.networks:
            return f"{service.name} has a network_mode, so it has no network to be taken off"
        if self.network is not None and self.network not in service.networks:
            there = ", ".join(service.networks)
            return f"with: network: {service.name} is not on {self.network!r}; it is on {there}"
        return ""

    def inject_container(self, engine: Engine, service: str) -> None:
        """Disconnect the container from the network, or from all that it is on."""
        networks = tuple(engine.hosts(service)) if self.network is None else (self.network,)
        engine.disconnect(service, networks)

    def probe_host(self, stack: Stack, service: str) -> str | None:
        """Return the container's address on `network`."""
        hosts = engine_of(stack, self).hosts(service)
        return hosts.get(self.network) if self.network is not None else None

    def expected_result(self, timing: Timing) -> str:
        """Return `running and unreachable`."""
        del timing
        return "running and unreachable"

    def shows_in(self, before: NodeStatus, now: NodeStatus, direct: ProbeResult | None) -> bool:
        """Return True if the same process runs and its address is unreachable."""
        is_unreachable = direct is None or direct.outcome == "unreachable"
        return now.state == before.state and now.pid == before.pid and is_unreachable

    def missing_evidence(self, stack: Stack, service: str, baseline: object) -> str:
        """Return a text if the engine still lists the container on the network."""
        del baseline
        hosts = engine_of(stack, self).hosts(service)
        connected = [name for name in hosts if self.network in (None, name)]
        return f"the engine has it on {', '.join(connected)}" if connected else ""
