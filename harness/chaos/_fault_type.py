"""Base classes of fault types. A fault type is a frozen record of its parameters.

    class Blackhole(LinkFault, name="blackhole"):
        \"\"\"Accept connections and discard all data in both directions.\"\"\"

        def toxics(self, timing: Timing) -> tuple[Toxic, ...]: ...
        def probe_options(self, timing: Timing) -> ProbeOptions: ...
        def expected_result(self, timing: Timing) -> str: ...
        def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool: ...

Defining the class registers it under its name. A scenario step's `fault` is that name, and its
`with` holds the fields. Fault types of links do no I/O: `_active_links` makes their changes and
`_verify_links` probes. Fault types of services act through the stack that they are given;
`_active_nodes` and `_verify_nodes` call them.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from harness.scenario import Model
from harness.stack import (
    Capability,
    ContainerStack,
    Engine,
    NodeStatus,
    Record,
    Service,
    Stack,
    backends_with,
)

from ._errors import ChaosError
from ._probe import ProbeResult, Results
from ._probe_protocol import SILENCE_TIMEOUT, ProbeOptions
from ._timing import Timing
from ._toxic import Toxic

NodeState = Literal["down", "paused", "disconnected", "starved", "full", "up"]
"""State in which a fault keeps a service until it is healed."""


Change = Literal["down", "pause", "disconnect", "starve", "fill"]
"""What a fault changes of a service, as its intent records it. Two faults of one service with the
same change share the record from which the container is restored."""


class FaultType(Model):
    """A type of fault with its parameters. `FAULT_TYPES` finds a subclass by its name."""

    type_name: ClassVar[str] = ""
    requires: ClassVar[frozenset[Capability]] = frozenset()
    """Capabilities that a backend needs for this fault type."""

    def __init_subclass__(cls, *, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.type_name = name
        if name:
            FAULT_TYPES[name] = cls

    @abstractmethod
    def expected_result(self, timing: Timing) -> str:
        """Return what probes observe under this fault, as text such as `refused`."""


FAULT_TYPES: dict[str, type[FaultType]] = {}
"""Every fault type, by name."""


class LinkFault(FaultType):
    """A fault of links: toxics on each link's proxy, or the proxy disabled."""

    disables_proxy: ClassVar[bool] = False
    """True if the fault disables the proxy; it then has no toxics."""
    probe_count: ClassVar[int] = 1
    """Probes at the same time; more than one where a slow machine could mislead a single probe."""

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return the toxics to add to each link's proxy."""
        del timing
        return ()

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options with which a probe can detect the fault."""
        del timing
        return ProbeOptions()

    @abstractmethod
    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if the probes via the link show the fault and the direct ones do not.

        Args:
            timing: Converts the fault's durations to wall-clock seconds.
            via_link: Results of probes through the link's proxy.
            direct: Results of probes at the same time that bypass the proxy.
        """


class NodeFault(FaultType):
    """A fault of services, injected through their stack."""

    node_state: ClassVar[NodeState] = "down"
    """State of the service until the fault is healed."""
    change: ClassVar[Change] = "down"
    probe_count: ClassVar[int] = 1
    """Probes of each service at the same time."""

    def unfit_reason(self, service: Service) -> str:
        """Return why this fault cannot be injected into `service`, with the cure; empty if it can.

        It is called when a scenario is loaded, before anything runs.
        """
        del service
        return ""

    @abstractmethod
    def inject(self, stack: Stack, service: str) -> None:
        """Inject the fault into `service` and return when that is done."""

    def heal(self, stack: Stack, service: str, record: Record) -> None:
        """Revert `inject`. The default starts `service` if it is down.

        Args:
            stack: The stack of the service.
            service: The service's name.
            record: State of its container before the fault; empty on backends without containers.
        """
        del record
        stack.launch(service)

    def probe_host(self, stack: Stack, service: str) -> str | None:
        """Return the host at which to probe; None for the service's usual address."""
        del stack, service
        return None

    def measure_baseline(self, stack: Stack, service: str) -> object:
        """Return the backend's figures before the fault, for `missing_evidence` to compare with."""
        del stack, service
        return None

    def missing_evidence(self, stack: Stack, service: str, baseline: object) -> str:
        """Return which effect the backend's own figures do not show; empty if they show all.

        Args:
            stack: The stack of the service.
            service: The service's name.
            baseline: What `measure_baseline` returned before the fault.
        """
        del stack, service, baseline
        return ""

    def remaining_effect(self, stack: Stack, service: str) -> str:
        """Return which effect is still there after healing; empty if there is none."""
        del stack, service
        return ""

    def probe_options(self) -> ProbeOptions:
        """Return options with which a probe can detect the fault."""
        return ProbeOptions(timeout=SILENCE_TIMEOUT)

    @abstractmethod
    def shows_in(self, before: NodeStatus, now: NodeStatus, direct: ProbeResult | None) -> bool:
        """Return True if the service's status and a direct probe show the fault.

        Args:
            before: Status before the fault.
            now: Status under the fault.
            direct: Result of a direct probe; None if the service has no port.
        """


class ContainerFault(NodeFault):
    """A fault of containers, injected through their engine."""

    requires = frozenset({"containers"})

    @abstractmethod
    def inject_container(self, engine: Engine, service: str) -> None:
        """Inject the fault into the container of `service`."""

    def inject(self, stack: Stack, service: str) -> None:
        """Call `inject_container` with the stack's engine."""
        self.inject_container(engine_of(stack, self), service)

    def heal(self, stack: Stack, service: str, record: Record) -> None:
        """Restore the container from `record`."""
        del service
        engine_of(stack, self).restore(self.change, record)


def engine_of(stack: Stack, fault_type: FaultType) -> Engine:
    """Return the container engine of `stack`.

    Raises:
        ChaosError: its services are not containers.
    """
    if not isinstance(stack, ContainerStack):
        raise ChaosError(unsupported_message(fault_type))
    return stack.engine


def unsupported_message(fault_type: FaultType) -> str:
    """Return the message for a backend that lacks what `fault_type` requires."""
    needed = sorted(fault_type.requires)
    able = [set(backends_with(capability)) for capability in needed]
    where = " or ".join(f"--on {name}" for name in sorted(set.intersection(*able)))
    return f"{fault_type.type_name} needs {' and '.join(needed)}; run with {where}"
