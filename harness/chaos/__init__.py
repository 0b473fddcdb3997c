"""Inject faults into a running stack, verify them, and heal them.

    with Chaos(stack, Path("runs/manual")) as chaos:
        with chaos.cut("shop-payment") as cut:
            assert cut.verified, cut.detail         # probes were refused on the link
            ...
        with chaos.fault("delay", to="payment", latency="2s", jitter="500ms"):
            ...
        chaos.fault("blackhole", site="datacenter") # healed at the end of `with Chaos`

A fault goes through `asked -> injected -> verified | unverified -> healing -> healed | unhealed`.
Each state is written to the history as a `harness.history.Fault` event. `bind` turns a step of a
scenario into a fault; `harness.chaos.faults` has one file per fault type.

Every change is written to disk as an intent before it is made. `heal` reverts what the intents
of a crashed run describe, and a watchdog process calls it if this process is killed or hangs.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._chaos import Chaos as Chaos
    from ._errors import ChaosError as ChaosError
    from ._fault import Fault as Fault
    from ._fault import bind as bind
    from ._fault import check_backend as check_backend
    from ._fault_type import FAULT_TYPES as FAULT_TYPES
    from ._fault_type import ContainerFault as ContainerFault
    from ._fault_type import FaultType as FaultType
    from ._fault_type import LinkFault as LinkFault
    from ._fault_type import NodeFault as NodeFault
    from ._heal import heal as heal
    from ._injection import Injection as Injection
    from ._intents import outstanding as outstanding
    from ._toxiproxy import Toxiproxy as Toxiproxy

# Names are imported when they are first used. The watchdog is a module of this package and must
# start quickly with little memory; pydantic and requests would make it slow and large.
_MODULES = {
    "Chaos": "_chaos",
    "ChaosError": "_errors",
    "ContainerFault": "_fault_type",
    "Fault": "_fault",
    "bind": "_fault",
    "check_backend": "_fault",
    "heal": "_heal",
    "Injection": "_injection",
    "outstanding": "_intents",
    "FAULT_TYPES": "_fault",  # imports every fault type, so that the registry is complete
    "FaultType": "_fault_type",
    "LinkFault": "_fault_type",
    "NodeFault": "_fault_type",
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


if not TYPE_CHECKING:  # a type checker would accept any name of a module with `__getattr__`

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
