"""What a kind of fault is: a frozen record of its parameters that knows how to recognise itself.

    class Blackhole(LinkFault, name="blackhole"):
        \"\"\"Connections are accepted, and nothing ever comes through them.\"\"\"

        def toxics(self, wire: Wire) -> tuple[Toxic, ...]: ...
        def ask(self, wire: Wire) -> Ask: ...
        def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool: ...

Defining the class registers it under its name; a scenario's `fault` names it and `with` gives the
fields. Kinds do no I/O: `_links` and `_nodes` carry them out, `_verify` looks.
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

from ._canary import Looks, Sight
from ._errors import ChaosError
from ._silence import SILENCE
from ._speech import Ask
from ._toxic import Toxic
from ._wire import Wire

Standing = Literal["down", "paused", "disconnected", "starved", "full", "up"]
"""How a service stands while a fault lasts."""


Change = Literal["down", "pause", "disconnect", "starve", "fill"]
"""What is done to a service, as its intent says it. Two faults of one change share a record."""


class FaultType(Model):
    """A kind of fault. Subclasses are found by name (`FAULT_TYPES`)."""

    type_name: ClassVar[str] = ""
    requires: ClassVar[frozenset[Capability]] = frozenset()
    """What a backend must be capable of, for this fault to exist there."""

    def __init_subclass__(cls, *, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.type_name = name
        if name:
            FAULT_TYPES[name] = cls

    @abstractmethod
    def expected(self, wire: Wire) -> str:
        """What a canary should see, to complete the sentence `where it should be ...`."""


FAULT_TYPES: dict[str, type[FaultType]] = {}
"""Every kind of fault known, by name."""


class LinkFault(FaultType):
    """A fault of links: toxics on each link's proxy, or the proxy disabled."""

    disables: ClassVar[bool] = False
    """Whether the proxy is disabled."""
    looks: ClassVar[int] = 1
    """How many canaries look at once; more than one where a slow machine could fool a single."""

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """What is put on each link."""
        del wire
        return ()

    def ask(self, wire: Wire) -> Ask:
        """What the canary asks."""
        del wire
        return Ask()

    @abstractmethod
    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """Whether the looks `through` the link show the fault and those `beside` it do not."""


class NodeFault(FaultType):
    """A fault of services, by the means of their stack."""

    leaves: ClassVar[Standing] = "down"
    change: ClassVar[Change] = "down"
    looks: ClassVar[int] = 1
    """How many canaries look at each service at once."""

    def misfits(self, service: Service) -> str:
        """Why it cannot be put on `service`, with the cure; empty if it can."""
        del service
        return ""

    @abstractmethod
    def inject(self, stack: Stack, service: str) -> None:
        """Do it to `service`."""

    def heal(self, stack: Stack, service: str, record: Record) -> None:
        """Take it back; `record` is how its container was before, if it is one."""
        del record
        stack.launch(service)

    def place(self, stack: Stack, service: str) -> str | None:
        """The host at which a canary sees the fault; None: where `service` is always reached."""
        del stack, service
        return None

    def measure(self, stack: Stack, service: str) -> object:
        """What only the backend can tell of `service`, for `missing` to compare with."""
        del stack, service
        return None

    def missing(self, stack: Stack, service: str, before: object) -> str:
        """What of the fault its measure does not show; empty if nothing is missing."""
        del stack, service, before
        return ""

    def remains(self, stack: Stack, service: str) -> str:
        """What of the fault is still there once it is healed; empty if nothing is."""
        del stack, service
        return ""

    def ask(self) -> Ask:
        """What the canaries ask."""
        return Ask(patience=SILENCE)

    @abstractmethod
    def seen(self, before: NodeStatus, now: NodeStatus, beside: Sight | None) -> bool:
        """Whether status and canary show the fault; the canary is None without a port."""


class ContainerFault(NodeFault):
    """A fault of containers, by the means of their engine."""

    requires = frozenset({"containers"})

    @abstractmethod
    def strike(self, engine: Engine, service: str) -> None:
        """Do it to `service`."""

    def inject(self, stack: Stack, service: str) -> None:
        """By the engine."""
        self.strike(engine_of(stack, self), service)

    def heal(self, stack: Stack, service: str, record: Record) -> None:
        """By the engine, from the record."""
        del service
        engine_of(stack, self).restore(self.change, record)


def engine_of(stack: Stack, kind: FaultType) -> Engine:
    """The engine of `stack`.

    Raises:
        ChaosError: it has none.
    """
    if not isinstance(stack, ContainerStack):
        raise ChaosError(unsupported(kind))
    return stack.engine


def unsupported(kind: FaultType) -> str:
    """Return the message for a backend that lacks what `kind` requires."""
    needed = sorted(kind.requires)
    able = [set(backends_with(capability)) for capability in needed]
    where = " or ".join(f"--on {name}" for name in sorted(set.intersection(*able)))
    return f"{kind.type_name} needs {' and '.join(needed)}; run with {where}"


def gone(now: NodeStatus, beside: Sight | None) -> bool:
    """Whether the process has ended and nobody listens in its place.

    On loopback its port refuses; on a container network its address is gone with it.
    """
    away = beside is None or beside.outcome in ("refused", "unreachable")
    return now.state == "exited" and away
