"""Whether a fault of services bites, and whether it is gone: by canary and by the stack's word."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic, sleep

from harness.stack import NodeStatus

from ._kind import NodeFault
from ._lookout import Lookout, Place, Reference, patient
from ._speech import Ask
from ._verify import HEALING, PATIENCE, Finding
from ._wire import Wire

_PAUSE = 0.05


@dataclass(frozen=True)
class Before:
    """How services were before a fault."""

    statuses: Mapping[str, NodeStatus]
    places: Mapping[str, Place]
    measures: Mapping[str, object]
    """What the fault itself measures of each."""


class NodeVerifier:
    """Looks at services on behalf of faults."""

    def __init__(
        self, lookout: Lookout, wire: Wire, *, holders: Callable[[str], Collection[str]]
    ) -> None:
        self._lookout = lookout
        self._wire = wire
        self._holders = holders

    def reference(self, services: Collection[str], fault: str) -> Reference | None:
        """A service that the fault will not touch."""
        free = [
            name
            for name in self._lookout.stack.spec.services
            if name not in services and not self._holders(name)
        ]
        places = [place for place in map(self._lookout.service, free) if place is not None]
        speaking = [place for place in places if not place.speech.mute]
        return self._lookout.reference(speaking, Ask(), salt=fault)

    def before(self, kind: NodeFault, services: Sequence[str]) -> Before:
        """How `services` stand, and where they are: once they are gone nobody may know."""
        standing = self._lookout.standing()
        places = {name: self._place(kind, name) for name in services}
        return Before(
            {name: standing[name] for name in services if name in standing},
            {name: place for name, place in places.items() if place is not None},
            {name: kind.measure(self._lookout.stack, name) for name in services},
        )

    def bites(
        self,
        kind: NodeFault,
        services: Sequence[str],
        before: Before,
        reference: Reference | None,
    ) -> Finding:
        """Whether the fault is seen at every service, and the rest of the stack is as before."""
        statuses, places, stack = before.statuses, before.places, self._lookout.stack
        expected = kind.expected(self._wire)

        def wrong(names: Sequence[str]) -> dict[str, str]:
            standing, problems = self._lookout.standing(), {}
            asked = [(places[name], kind.ask()) for name in names if name in places]
            seen = self._lookout.look(asked, kind.looks)
            for name in names:
                if name not in standing or name not in statuses:
                    problems[name] = f"{name}: the stack does not know how it stands"
                    continue
                sight = seen[places[name].address][0] if name in places else None
                if not kind.seen(statuses[name], standing[name], sight):
                    problems[name] = (
                        f"{name}: {standing[name].state}, {sight or 'no port to look at'}, "
                        f"where it should be {expected}"
                    )
                elif missing := kind.missing(stack, name, before.measures[name]):
                    problems[name] = f"{name}: {missing}, where it should be {expected}"
            return problems

        problems = _until(wrong, services, PATIENCE)
        if problems:
            return Finding(False, "; ".join(problems[:3]))
        if reference is not None:
            place = reference.place
            sights = self._lookout.look([(place, patient(place, Ask()))])[place.address]
            alive = all(place.speech.alive(sight.outcome) for sight in sights)
            if not alive and not self._holders(place.name):
                return Finding(False, f"{place.name}, which was left alone, is {sights[0]} too")
        what = services[0] if len(services) == 1 else f"{len(services)} services"
        aside = f"; {reference.place.name} is as before" if reference else ""
        return Finding(True, f"{what} {expected}{aside}")

    def gone(self, kind: NodeFault, services: Sequence[str]) -> Finding:
        """Whether every service runs and answers; those under another fault are left out."""

        def wrong(names: Sequence[str]) -> dict[str, str]:
            standing, problems = self._lookout.standing(), {}
            places = {name: self._place(kind, name) for name in names}
            asked = [(p, patient(p, Ask())) for p in places.values() if p is not None]
            seen = self._lookout.look(asked)
            for name in names:
                place = places[name]
                sight = seen[place.address][0] if place is not None else None
                alive = place is None or (sight is not None and place.speech.alive(sight.outcome))
                state = standing[name].state if name in standing else "unknown to the stack"
                if (state != "running" or not alive) and not self._holders(name):
                    problems[name] = f"{name}: {state}, {sight or 'no port to look at'}"
                elif left := kind.remains(self._lookout.stack, name):
                    problems[name] = f"{name}: {left}"
            return problems

        free = [name for name in services if not self._holders(name)]
        problems = _until(wrong, free, HEALING)
        if problems:
            return Finding(False, "; ".join(problems[:3]))
        what = f"{free[0]} runs and answers" if len(free) == 1 else f"{len(free)} services run"
        others = len(services) - len(free)
        aside = f"; {others} still under another fault" if others else ""
        return Finding(True, f"{what if free else 'nothing to look at'}{aside}")

    def _place(self, kind: NodeFault, name: str) -> Place | None:
        """Where a canary looks at `name`."""
        usual, host = self._lookout.service(name), kind.place(self._lookout.stack, name)
        if usual is None or not host:
            return usual
        return replace(usual, address=f"{host}:{usual.address.rpartition(':')[2]}")


def _until(
    wrong: Callable[[Sequence[str]], dict[str, str]], names: Sequence[str], limit: float
) -> list[str]:
    """Look until nothing is wrong with any of `names`; what was wrong last."""
    end = monotonic() + limit
    pending = list(names)
    while pending:
        problems = wrong(pending)
        if not problems or monotonic() > end:
            return list(problems.values())
        pending = list(problems)
        sleep(_PAUSE)
    return []
