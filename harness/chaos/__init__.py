"""Injecting, verifying and healing faults; leases; the watchdog.

    with Chaos(stack, Path("runs/by-hand")) as chaos:
        with chaos.cut("border-database") as cut:
            assert cut.verified, cut.detail
            ...                                     # refused, as canaries have seen
        with chaos.fault("delay", to="border", latency="2s", jitter="500ms"):
            ...
        chaos.fault("blackhole", site="datacenter") # healed at the end of `with Chaos`

A fault goes through `asked -> injected -> verified | unverified -> healing -> healed | unhealed`,
and each state is a `harness.history.Fault` event. `bind` makes a fault of a scenario's step;
`harness.chaos.faults` has one file for each kind. What is about to be changed is on disk before
it is changed: `heal` takes it back after anything, and a watchdog process calls it when this one
is killed or hangs.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._chaos import Chaos as Chaos
    from ._errors import ChaosError as ChaosError
    from ._fault import Fault as Fault
    from ._fault import bind as bind
    from ._fault import check_backend as check_backend
    from ._heal import heal as heal
    from ._injection import Injection as Injection
    from ._intents import outstanding as outstanding
    from ._kind import FAULT_TYPES as FAULT_TYPES
    from ._kind import ContainerFault as ContainerFault
    from ._kind import FaultType as FaultType
    from ._kind import LinkFault as LinkFault
    from ._kind import NodeFault as NodeFault
    from ._toxiproxy import Toxiproxy as Toxiproxy

# Imported when first used: the watchdog is in this package and must start in an instant and
# weigh next to nothing, which pydantic and requests do not.
_HOMES = {
    "Chaos": "_chaos",
    "ChaosError": "_errors",
    "ContainerFault": "_kind",
    "Fault": "_fault",
    "bind": "_fault",
    "check_backend": "_fault",
    "heal": "_heal",
    "Injection": "_injection",
    "outstanding": "_intents",
    "FAULT_TYPES": "_fault",
    "FaultType": "_kind",
    "LinkFault": "_kind",
    "NodeFault": "_kind",
    "Toxiproxy": "_toxiproxy",
}

__all__ = [
    "FAULT_TYPES",
    "Chaos",
    "ChaosError",
    "ContainerFault",
    "Fault",
    "FaultType",
    "Injection",
    "LinkFault",
    "NodeFault",
    "Toxiproxy",
    "bind",
    "check_backend",
    "heal",
    "outstanding",
]


if not TYPE_CHECKING:  # else every name would pass for one of ours

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
