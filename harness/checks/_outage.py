"""When the faults of a scenario's steps bit, and when they were taken back.

A fault bites from the moment it was seen to (`verified`), and for certain only until somebody
began to take it back (`healing`); it is over when it was seen to be gone (`healed`). Checks use
the edge that cannot blame the system for what the harness was still doing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.history import Fault, FaultSpan, History


@dataclass(frozen=True)
class Outage:
    """What one step did, or several taken as one; a flapping step has many injections."""

    label: str
    spans: tuple[FaultSpan, ...]

    @property
    def asked(self) -> float:
        """When the first injection was asked for: all before it is undisturbed."""
        return min(span.first.t for span in self.spans)

    @property
    def start(self) -> float:
        """When it was first seen to bite."""
        return min(span.start for span in self.spans)

    @property
    def lifting(self) -> float | None:
        """When the last injection began to be taken back; None if one never was."""
        return _latest([lifted(span) for span in self.spans])

    @property
    def end(self) -> float | None:
        """When the last injection was seen to be gone; None if one never was."""
        return _latest([span.end for span in self.spans])

    @property
    def bit(self) -> bool:
        """Whether every injection was seen to bite."""
        return all(verified(span) for span in self.spans)

    @property
    def events(self) -> tuple[int, ...]:
        """Indexes of its events."""
        return tuple(event.index for span in self.spans for event in span.events)


def _latest(moments: Sequence[float | None]) -> float | None:
    known = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else None


def lifted(span: FaultSpan) -> float | None:
    """When `span` began to be taken back."""
    return span.at("healing", "healed", "unhealed")


def verified(span: FaultSpan) -> bool:
    """Whether `span` was seen to bite."""
    return span.at("verified") is not None


def injected(span: FaultSpan) -> bool:
    """Whether `span` came further than being asked for."""
    return span.at("injected", "verified", "unverified") is not None


def outages(history: History, steps: Sequence[str] = ()) -> tuple[Outage, ...]:
    """What each of `steps` did (all steps, if none is named), by start."""
    spans: dict[str, list[FaultSpan]] = {}
    for span in history.faults:
        if injected(span) and (not steps or span.first.step in steps):
            spans.setdefault(span.first.step, []).append(span)
    found = (Outage(label, tuple(members)) for label, members in spans.items())
    return tuple(sorted(found, key=lambda outage: outage.start))


def whole(history: History, steps: Sequence[str] = ()) -> Outage | str:
    """`steps` taken as one outage that was seen to bite, or why there is none to speak of."""
    found = outages(history, steps)
    missing = [step for step in steps if step not in {outage.label for outage in found}]
    if missing:
        return f"the fault {missing[0]!r} was never injected, so nothing can be said about it"
    if not found:
        return "no fault was injected in this run, so nothing can be said about an outage"
    idle = [outage.label for outage in found if not outage.bit]
    if idle:
        return f"the fault {idle[0]!r} was not seen to bite, so nothing was put to the test"
    label = found[0].label if len(found) == 1 else "the outage"
    return Outage(label, tuple(span for outage in found for span in outage.spans))


def healed(history: History, steps: Sequence[str] = ()) -> tuple[Outage, float] | str:
    """The outage and when it was over, or why that cannot be said."""
    outage = whole(history, steps)
    if isinstance(outage, str):
        return outage
    if outage.end is None:
        return "the outage was not seen to end, so recovery never began"
    return outage, outage.end


def first_fault(history: History) -> float | None:
    """When the first fault was asked for; all before it is the baseline."""
    return next((event.t for event in history.of(Fault)), None)
