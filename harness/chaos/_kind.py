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
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from harness.scenario import Model
from harness.stack import NodeStatus, Stack

from ._canary import Sight
from ._speech import Ask
from ._toxic import Toxic
from ._wire import Wire

Looks = Sequence[Sight]
"""What several canaries saw at the same time at the same address."""


class FaultKind(Model):
    """A kind of fault. Subclasses are found by name (`KINDS`)."""

    kind_name: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.kind_name = name
        if name:
            KINDS[name] = cls

    @abstractmethod
    def expected(self, wire: Wire) -> str:
        """What a canary should see, to complete the sentence `where it should be ...`."""


KINDS: dict[str, type[FaultKind]] = {}
"""Every kind of fault known, by name."""


class LinkFault(FaultKind):
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


class NodeFault(FaultKind):
    """A fault of services, by the means of their stack."""

    leaves: ClassVar[Literal["down", "paused", "up"]] = "down"
    """How the service stands while the fault lasts."""

    @abstractmethod
    def inject(self, stack: Stack, service: str) -> None:
        """Do it to `service`."""

    def heal(self, stack: Stack, service: str) -> None:
        """Take it back."""
        stack.launch(service)

    @abstractmethod
    def seen(self, before: NodeStatus, now: NodeStatus, beside: Sight | None) -> bool:
        """Whether status and canary show the fault; the canary is None without a port."""


def gone(now: NodeStatus, beside: Sight | None) -> bool:
    """Whether the process has ended and nobody listens in its place.

    On loopback its port refuses; on a container network its address is gone with it.
    """
    away = beside is None or beside.outcome in ("refused", "unreachable")
    return now.state == "exited" and away
