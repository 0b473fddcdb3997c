"""Whether a fault of links bites, and whether it is gone.

For each link two canaries: one through it, one beside it straight to its target. The fault must
be seen by the first and only by the first. One more link, which the fault is not on, must look as
before. Everything is looked at together, and again until it fits or patience is at an end: a busy
machine may hide a fault for a moment, or show one that is not there.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from time import monotonic, sleep

from harness.errors import HarnessError

from ._canary import Looks
from ._kind import LinkFault
from ._lookout import Lookout, Place, Reference, patient
from ._speech import speech_of
from ._wire import Wire

PATIENCE = 2.0
"""Real seconds for which a fault is looked for, beyond what one look takes."""

HEALING = 10.0
"""Real seconds for which it is awaited that a fault is gone."""

_PAUSE = 0.05


@dataclass(frozen=True)
class Finding:
    """What the canaries saw, in words, and whether it is what they should."""

    holds: bool
    detail: str


class LinkVerifier:
    """Looks at links on behalf of faults. `absent` says whether we hold a service down."""

    def __init__(
        self,
        lookout: Lookout,
        wire: Wire,
        *,
        absent: Callable[[str], str],
        holders: Callable[[str], Collection[str]],
        listed: Callable[[str, str], bool],
        found_disabled: Callable[[str], bool],
    ) -> None:
        self._listed = listed
        self._found_disabled = found_disabled
        self._lookout = lookout
        self._wire = wire
        self._absent = absent
        self._holders = holders

    def reference(self, kind: LinkFault, links: Collection[str], fault: str) -> Reference | None:
        """A link that the fault will not touch, preferably to the same target."""
        spec = self._lookout.stack.spec
        hit = {spec.links[link].target for link in links}
        free = [
            link
            for link in spec.links.values()
            if link.name not in links
            and not self._holders(link.name)
            and not self._absent(link.target)
        ]
        speaking = [link for link in free if not speech_of(spec.services[link.target]).mute]
        near = [link for link in speaking if link.target in hit] or speaking
        places = [self._lookout.link(link.name) for link in near]
        return self._lookout.reference(places, kind.ask(self._wire), salt=fault)

    def bites(
        self, kind: LinkFault, links: Sequence[str], reference: Reference | None, fault: str
    ) -> Finding:
        """Whether the fault, which is `kind`, is seen on every link and nowhere else."""

        def misses(kind: LinkFault, link: str, through: Looks, beside: Looks) -> str:
            return self._misses(kind, link, through, beside, fault)

        wrong = self._until(kind, links, PATIENCE, misses)
        if wrong:
            return Finding(False, _some(wrong))
        changed = self._changed(kind, reference)
        if changed:
            return Finding(False, changed)
        return Finding(
            True,
            f"{_count(links, 'link')} {kind.expected(self._wire)}; {self._beside(links)}"
            + (f"; {reference.place.name} is as before" if reference else ""),
        )

    def gone(self, kind: LinkFault, links: Sequence[str]) -> Finding:
        """Whether no link shows the fault any more; links under another fault are left out."""
        free = [link for link in links if not self._holders(link)]
        wrong = self._until(kind, free, HEALING, self._remains)
        if wrong:
            return Finding(False, _some(wrong))
        others = len(links) - len(free)
        aside = f"; {others} still under another fault" if others else ""
        what = f"{_count(free, 'link')} as good as direct" if free else "nothing to look at"
        return Finding(True, f"{what}{aside}")

    def _until(
        self,
        kind: LinkFault,
        links: Sequence[str],
        limit: float,
        judge: Callable[[LinkFault, str, Looks, Looks], str],
    ) -> list[str]:
        """Look until `judge` finds nothing wrong with any link; what it found last."""
        end = monotonic() + limit
        pending, attempt = list(links), 1
        while True:
            wrong = self._look(kind, pending, attempt, judge)
            if not wrong or monotonic() > end:
                return list(wrong.values())
            pending, attempt = list(wrong), attempt + 1
            sleep(_PAUSE)

    def _look(
        self,
        kind: LinkFault,
        links: Sequence[str],
        attempt: int,
        judge: Callable[[LinkFault, str, Looks, Looks], str],
    ) -> dict[str, str]:
        ask = kind.ask(self._wire)
        longer = replace(ask, patience=ask.patience * attempt)
        wrong: dict[str, str] = {}
        pairs: dict[str, tuple[Place, Place]] = {}
        for link in links:
            try:
                through, beside = self._lookout.link(link), self._lookout.beside(link)
            except HarnessError as error:
                wrong[link] = f"{link}: {error}"
                continue
            if beside is None:
                wrong[link] = f"{link}: its target cannot be reached past the link"
            else:
                pairs[link] = through, beside
        asked = [(through, longer) for through, _ in pairs.values()]
        asked += [
            (beside, patient(beside, longer, absent=bool(self._absent(beside.name))))
            for _, beside in pairs.values()
        ]
        seen = self._lookout.look(asked, kind.looks)
        for link, (through, beside) in pairs.items():
            problem = judge(kind, link, seen[through.address], seen[beside.address])
            if problem:
                wrong[link] = f"{link}: {problem}"
        return wrong

    def _misses(self, kind: LinkFault, link: str, through: Looks, beside: Looks, fault: str) -> str:
        expected = kind.expected(self._wire)
        target = self._lookout.stack.spec.links[link].target
        absent = self._absent(target)
        others = set(self._holders(link)) - {fault}
        also = "; other faults of this run are on it" if others else ""
        if absent and not kind.disables:
            # The scenario took the target away itself, and a canary cannot tell the fault from
            # that. It would be wrong to deny it, though, if the proxy says that it is there.
            listed = self._listed(fault, link)
            return "" if listed else f"toxiproxy does not list it, and {target} is {absent}"
        if not absent and not self._alive(link, beside):
            return f"{target} itself is {_sights(beside)}, so that the fault cannot be told apart"
        if kind.seen(self._wire, through, beside):
            return ""
        direct = f" (direct: {_sights(beside)}{also})"
        return f"{_sights(through)}, where it should be {expected}{direct}"

    def _beside(self, links: Sequence[str]) -> str:
        """What can be said of the targets."""
        targets = dict.fromkeys(self._lookout.stack.spec.links[link].target for link in links)
        absent = [f"{name} {self._absent(name)}" for name in targets if self._absent(name)]
        if len(absent) == len(targets):
            return f"{', '.join(absent)} by another step"
        alive = (
            "target alive" if len(targets) == 1 else f"{len(targets) - len(absent)} targets alive"
        )
        return f"{alive}, {', '.join(absent)} by another step" if absent else alive

    def _remains(self, kind: LinkFault, link: str, through: Looks, beside: Looks) -> str:
        speech = self._lookout.link(link).speech
        if self._alive(link, beside):
            clear = all(speech.alive(sight.outcome) for sight in through)
            if clear and not kind.seen(self._wire, through, beside):
                return ""
        elif all(sight.outcome != "refused" for sight in through):
            return ""  # the link leads again to a target that is not there
        if self._holders(link):
            return ""  # another step has put a fault on it by now
        if self._found_disabled(link) and all(sight.outcome == "refused" for sight in through):
            return ""  # it is as it was found
        return f"{_sights(through)} (direct: {_sights(beside)})"

    def _alive(self, link: str, beside: Looks) -> bool:
        speech = self._lookout.link(link).speech
        return any(speech.alive(sight.outcome) for sight in beside)

    def _changed(self, kind: LinkFault, reference: Reference | None) -> str:
        """What is wrong with the unrelated link, if it still is after another look."""
        if reference is None:
            return ""
        place, problem = reference.place, ""
        for _ in range(3):
            now = self._lookout.look([(place, patient(place, kind.ask(self._wire)))])
            sights = now[place.address]
            if all(place.speech.alive(sight.outcome) for sight in sights) and not kind.seen(
                self._wire, sights, reference.before
            ):
                return ""
            target = self._lookout.stack.spec.links[place.name].target
            if self._holders(place.name) or self._absent(target):
                return ""  # another step has put a fault on it by now
            problem = (
                f"{place.name}, which the fault is not on, changed too: {_sights(sights)} "
                f"(before: {_sights(reference.before)})"
            )
        return problem


def _sights(sights: Looks) -> str:
    return " / ".join(dict.fromkeys(str(sight) for sight in sights))


def _some(problems: Sequence[str]) -> str:
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(problems[:3]) + more


def _count(names: Sequence[str], noun: str) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} {noun}s"
