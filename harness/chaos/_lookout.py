"""Many looks at once: the canaries of one verification, and an unrelated place to compare with."""

import random
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from harness.errors import HarnessError
from harness.stack import NodeStatus, Stack

from ._canary import Looks, Sight, look
from ._speech import Ask, Speech, speech_of

BESIDE = 2.0
"""Real seconds that the canary beside a link waits for a target that speaks."""

BRIEF = 0.3
"""Real seconds that it waits for one that may say nothing."""


@dataclass(frozen=True)
class Place:
    """Somewhere a canary can be sent."""

    name: str
    address: str
    speech: Speech


@dataclass(frozen=True)
class Reference:
    """An unrelated place, and what was seen there before the fault."""

    place: Place
    before: Looks


class Lookout:
    """Sends canaries to the links and services of one stack."""

    def __init__(self, stack: Stack, pool: Executor, seed: int) -> None:
        self.stack = stack
        self._pool = pool
        self._seed = seed

    def link(self, name: str) -> Place:
        """The near end of link `name`, where its caller connects.

        Raises:
            StackError: the stack cannot tell where that is.
        """
        target = self.stack.spec.services[self.stack.spec.links[name].target]
        return Place(name, self.stack.link_address(name), speech_of(target))

    def service(self, name: str) -> Place | None:
        """Service `name` past every link; None if it has no port or cannot be found."""
        service = self.stack.spec.services[name]
        if service.port is None:
            return None
        try:
            return Place(name, self.stack.address(name), speech_of(service))
        except HarnessError:
            return None

    def beside(self, link: str) -> Place | None:
        """The target of `link`, past it."""
        return self.service(self.stack.spec.links[link].target)

    def standing(self) -> Mapping[str, NodeStatus]:
        """How each service stands."""
        return {status.service: status for status in self.stack.status()}

    def look(self, asked: Iterable[tuple[Place, Ask]], times: int = 1) -> dict[str, Looks]:
        """What is seen at each address, `times` canaries at once everywhere."""
        futures: dict[str, list[Future[Sight]]] = {}
        for place, ask in asked:
            if place.address not in futures:
                futures[place.address] = [
                    self._pool.submit(look, place.address, place.speech, ask) for _ in range(times)
                ]
        return {address: [one.result() for one in sent] for address, sent in futures.items()}

    def reference(self, places: Sequence[Place], ask: Ask, *, salt: str) -> Reference | None:
        """One of `places` that answers now, drawn from the seed; None if none of three does."""
        order = list(places)
        random.Random(f"{self._seed}/{salt}").shuffle(order)  # noqa: S311
        for place in order[:3]:
            before = self.look([(place, patient(place, ask))])[place.address]
            if all(place.speech.alive(sight.outcome) for sight in before):
                return Reference(place, before)
        return None


def patient(place: Place, ask: Ask, *, absent: bool = False) -> Ask:
    """`ask` for a canary that expects an answer.

    A server that may well be mute gets less time, as does one that is held down or paused: all
    that can be seen is whether its port takes connections.
    """
    brief = absent or place.speech.mute
    return replace(ask, patience=BRIEF if brief else max(ask.patience, BESIDE))
