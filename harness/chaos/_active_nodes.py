"""The faults that are active on services: inject them, revert them, and know which has which."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from graphlib import TopologicalSorter
from threading import Lock

from harness.stack import ContainerStack, NodeStatus, Record, Service, Stack

from ._errors import ChaosError
from ._fault_type import ContainerFault, NodeFault, NodeState
from ._intents import Intent, Intents, new_id
from ._parallel import change_all
from ._processes import process_tree

_NOT_ANSWERING: tuple[NodeState, ...] = ("down", "disconnected", "paused", "starved")
"""States in which a service does not answer as usual. If several apply, the first one explains
best what a probe observes."""


class ActiveNodeFaults:
    """Injects faults into the services of one stack; an intent is written before each change."""

    def __init__(self, stack: Stack, intents: Intents, pool: Executor) -> None:
        self._stack = stack
        self._intents = intents
        self._pool = pool
        self._lock = Lock()
        self._active: dict[str, dict[str, tuple[NodeFault, Intent]]] = {}
        """Service -> fault id -> fault type and intent."""

    def owners(self, service: str) -> frozenset[str]:
        """Return the ids of the faults on `service`."""
        with self._lock:
            return frozenset(self._active.get(service, ()))

    def node_state(self, service: str) -> str:
        """Return the state in which our faults keep `service` from answering; else empty."""
        with self._lock:
            active = self._active.get(service, {})
            states = {fault_type.node_state for fault_type, _ in active.values()}
        return next((state for state in _NOT_ANSWERING if state in states), "")

    def missing_change(self, fault_id: str) -> str:
        """Return which service is no longer down or paused; empty if all are.

        Services with another fault are left out: it may have changed their state. So are services
        that are disconnected or starved, because a status does not show that.

        Raises:
            StackError: the stack cannot report its status.
        """
        with self._lock:
            expected = {
                name: faults[fault_id][0].node_state
                for name, faults in self._active.items()
                if set(faults) == {fault_id}
            }
        if not {"down", "paused"} & set(expected.values()):
            return ""
        for status in self._stack.status():
            state = expected.get(status.service)
            is_up = state == "down" and status.state in ("starting", "running", "paused")
            if is_up or (state == "paused" and status.state != "paused"):
                return f"{status.service}: it is {status.state}, where it should be {state}"
        return ""

    def apply(
        self,
        fault_id: str,
        fault_type: NodeFault,
        services: Sequence[str],
        before: Mapping[str, NodeStatus],
    ) -> None:
        """Inject a fault into `services`, all at once; `before` has their status.

        Raises:
            ChaosError: it failed on some service; call `revert`.
        """
        intents = {
            name: self._intent(fault_id, fault_type, name, before.get(name)) for name in services
        }
        self._intents.begin(intents.values())
        with self._lock:
            for name, intent in intents.items():
                self._active.setdefault(name, {})[fault_id] = (fault_type, intent)
        self._change_all(lambda name: fault_type.inject(self._stack, name), services)
        self._intents.mark(intents.values(), "done")

    def revert(self, fault_id: str) -> None:
        """Revert a fault, in the order in which services depend on each other.

        Raises:
            ChaosError: it failed on some service.
        """
        with self._lock:
            active = {
                name: faults[fault_id]
                for name, faults in self._active.items()
                if fault_id in faults
            }

        def change(name: str) -> None:
            fault_type, intent = active[name]
            with self._lock:
                others = [
                    other for id_, (other, _) in self._active[name].items() if id_ != fault_id
                ]
            stays_down = any(other.node_state == "down" for other in others)
            is_container_fault = isinstance(fault_type, ContainerFault)
            if is_container_fault or not stays_down:
                fault_type.heal(self._stack, name, intent.record)
            if is_container_fault and not stays_down:
                self._stack.launch(name)  # the fault may have ended the service
            for other in others:
                if _reverts_too(fault_type, other) and (
                    isinstance(other, ContainerFault) or not stays_down
                ):
                    other.inject(self._stack, name)
            with self._lock:
                del self._active[name][fault_id]
            self._intents.mark([intent], "undone")

        for level in dependency_levels(self._stack.spec.services, active):
            self._change_all(change, level)

    def _intent(
        self, fault_id: str, fault_type: NodeFault, name: str, before: NodeStatus | None
    ) -> Intent:
        pid = before.pid if before is not None else None
        pauses_processes = fault_type.node_state == "paused" and not isinstance(
            self._stack, ContainerStack
        )
        return Intent(
            id=new_id(),
            fault=fault_id,
            change=fault_type.change,
            where=self._stack.backend,
            name=name,
            processes=process_tree(pid) if pauses_processes and pid is not None else (),
            record={} if fault_type.change == "down" else self._record(fault_type, name),
        )

    def _record(self, fault_type: NodeFault, name: str) -> Record:
        """Return the state of a container before the first active fault with the same change."""
        if not isinstance(self._stack, ContainerStack):
            return {}
        with self._lock:
            for other, intent in self._active.get(name, {}).values():
                if other.change == fault_type.change:
                    return intent.record
        return self._stack.engine.record(name)

    def _change_all(self, change: Callable[[str], None], services: Sequence[str]) -> None:
        errors = change_all(self._pool, change, services)
        if errors:
            raise ChaosError("; ".join(str(error) for error in errors)) from errors[0]


def _reverts_too(healed: NodeFault, other: NodeFault) -> bool:
    """Return True if healing the one also reverts the other, which then has to be injected again.

    A process that is started is not paused, and a container is restored from one shared record.
    """
    if healed.node_state == "down" and other.node_state == "paused":
        return True
    return healed.change == other.change and other.node_state != "up"


def dependency_levels(
    services: Mapping[str, Service], names: Iterable[str]
) -> list[tuple[str, ...]]:
    """Return `names` in groups; each group depends only on services of groups before it."""
    wanted = set(names)
    sorter = TopologicalSorter({name: service.depends_on for name, service in services.items()})
    sorter.prepare()
    levels = []
    while sorter.is_active():
        ready = sorter.get_ready()
        level = tuple(name for name in ready if name in wanted)
        if level:
            levels.append(level)
        sorter.done(*ready)
    return levels
