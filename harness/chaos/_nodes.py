"""Which faults are on which services, and how they get there and back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from graphlib import TopologicalSorter
from threading import Lock

from harness.errors import HarnessError
from harness.stack import ContainerStack, NodeStatus, Record, Service, Stack

from ._errors import ChaosError
from ._intents import Intent, Intents, new_id
from ._kind import ContainerFault, NodeFault
from ._processes import family

_UNUSUAL = ("down", "disconnected", "paused", "starved")
"""The first of these that holds of a service tells most about what a canary sees there."""


class NodeHolds:
    """Puts faults on the services of one stack, each change preceded by its intent."""

    def __init__(self, stack: Stack, intents: Intents, pool: Executor) -> None:
        self._stack = stack
        self._intents = intents
        self._pool = pool
        self._lock = Lock()
        self._held: dict[str, dict[str, tuple[NodeFault, Intent]]] = {}
        """Service -> fault id -> what was done."""

    def holders(self, service: str) -> frozenset[str]:
        """The ids of the faults that are on `service`."""
        with self._lock:
            return frozenset(self._held.get(service, ()))

    def standing(self, service: str) -> str:
        """How a fault of ours left it if that keeps it from answering as usual, else empty."""
        with self._lock:
            left = {kind.leaves for kind, _ in self._held.get(service, {}).values()}
        return next((how for how in _UNUSUAL if how in left), "")

    def hold(
        self,
        fault: str,
        kind: NodeFault,
        services: Sequence[str],
        before: Mapping[str, NodeStatus],
    ) -> None:
        """Put a fault on `services`, all at once; `before` is how they stood.

        Raises:
            ChaosError: on some service it could not be done; call `release`.
        """
        intents = {name: self._intent(fault, kind, name, before.get(name)) for name in services}
        self._intents.begin(intents.values())
        with self._lock:
            for name, intent in intents.items():
                self._held.setdefault(name, {})[fault] = (kind, intent)
        self._each(lambda name: kind.inject(self._stack, name), services)
        self._intents.note(intents.values(), "done")

    def release(self, fault: str) -> None:
        """Take a fault back, in the order in which services depend on each other.

        Raises:
            ChaosError: on some service it could not be done.
        """
        with self._lock:
            held = {name: faults[fault] for name, faults in self._held.items() if fault in faults}

        def take_back(name: str) -> None:
            kind, intent = held[name]
            with self._lock:
                others = [k for f, (k, _) in self._held[name].items() if f != fault]
            down = any(other.leaves == "down" for other in others)
            if isinstance(kind, ContainerFault) or not down:
                kind.heal(self._stack, name, intent.record)
            if isinstance(kind, ContainerFault) and not down:
                self._stack.launch(name)  # it may have died of it
            for other in others:  # what was undone is done again for those that still want it
                if _again(kind, other) and (isinstance(other, ContainerFault) or not down):
                    other.inject(self._stack, name)
            with self._lock:
                del self._held[name][fault]
            self._intents.note([intent], "undone")

        for level in levels(self._stack.spec.services, held):
            self._each(take_back, level)

    def _intent(self, fault: str, kind: NodeFault, name: str, before: NodeStatus | None) -> Intent:
        pid = before.pid if before is not None else None
        pausing = kind.leaves == "paused" and not isinstance(self._stack, ContainerStack)
        return Intent(
            id=new_id(),
            fault=fault,
            change=kind.change,
            where=self._stack.backend,
            name=name,
            processes=family(pid) if pausing and pid is not None else (),
            record={} if kind.change == "down" else self._record(kind, name),
        )

    def _record(self, kind: NodeFault, name: str) -> Record:
        """How the container of `name` was before the first fault that changes the same of it."""
        if not isinstance(self._stack, ContainerStack):
            return {}
        with self._lock:
            for other, intent in self._held.get(name, {}).values():
                if other.change == kind.change:
                    return intent.record
        return self._stack.engine.record(name)

    def _each(self, change: Callable[[str], None], services: Sequence[str]) -> None:
        """Change every service, even if some fail; then raise for those that did."""
        problems: list[HarnessError] = []

        def attempt(service: str) -> None:
            try:
                change(service)
            except HarnessError as error:
                problems.append(error)

        list(self._pool.map(attempt, services))
        if problems:
            raise ChaosError("; ".join(str(problem) for problem in problems)) from problems[0]


def _again(healed: NodeFault, other: NodeFault) -> bool:
    """Whether taking `healed` back takes `other` back too: a process that starts is not paused."""
    revived = healed.leaves == "down" and other.leaves == "paused"
    return revived or (healed.change == other.change and other.leaves != "up")


def levels(services: Mapping[str, Service], wanted: Iterable[str]) -> list[tuple[str, ...]]:
    """`wanted` in groups: each group depends only on those before it."""
    left = set(wanted)
    sorter = TopologicalSorter({name: service.depends_on for name, service in services.items()})
    sorter.prepare()
    found = []
    while sorter.is_active():
        ready = sorter.get_ready()
        level = tuple(name for name in ready if name in left)
        if level:
            found.append(level)
        sorter.done(*ready)
    return found
