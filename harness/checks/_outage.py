"""When the faults of a scenario's steps were in effect, and when they were healed.

A fault is in effect from the moment at which its probes saw it (`verified`), and for certain only
until its healing began (`healing`); it is over when its probes saw it gone (`healed`). Checks use
whichever of these moments cannot blame the system for what the harness was still doing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.history import Fault, FaultSpan, History


@dataclass(frozen=True)
class Outage:
    """The injections of one step, or of several steps; a flapping step has many injections.

    All times are wall-clock seconds since the run began.
    """

    label: str
    spans: tuple[FaultSpan, ...]

    @property
    def asked_at(self) -> float:
        """When the first injection was asked for: all before it is undisturbed."""
        return min(span.first.t for span in self.spans)

    @property
    def start(self) -> float:
        """When the first injection was verified."""
        return min(span.start for span in self.spans)

    @property
    def heal_start(self) -> float | None:
        """When healing of the last injection began; None if it never began for one of them."""
        return _latest([heal_start(span) for span in self.spans])

    @property
    def end(self) -> float | None:
        """When the last injection was verified as healed; None if one never was."""
        return _latest([span.end for span in self.spans])

    @property
    def is_verified(self) -> bool:
        """Whether every injection was verified."""
        return all(is_verified(span) for span in self.spans)

    @property
    def events(self) -> tuple[int, ...]:
        """The indexes of its events, as evidence."""
        return tuple(event.index for span in self.spans for event in span.events)


def _latest(times: Sequence[float | None]) -> float | None:
    known = [t for t in times if t is not None]
    return max(known) if len(known) == len(times) else None


def heal_start(span: FaultSpan) -> float | None:
    """Return when healing of this injection began, or it was lost; None if neither happened."""
    return span.at("lost", "healing", "healed", "unhealed")


def is_verified(span: FaultSpan) -> bool:
    """Return True if probes saw this injection take effect."""
    return span.at("verified") is not None


def lost_at(span: FaultSpan) -> float | None:
    """Return when it was noticed that something else had ended this injection; None if never."""
    return span.at("lost")


def was_injected(span: FaultSpan) -> bool:
    """Return True if this injection was carried out and not only asked for."""
    return span.at("injected", "verified", "unverified") is not None


def outages(history: History, steps: Sequence[str] = ()) -> tuple[Outage, ...]:
    """Return one outage for each of `steps` that was injected (all steps if empty), by start."""
    spans: dict[str, list[FaultSpan]] = {}
    for span in history.faults:
        if was_injected(span) and (not steps or span.first.step in steps):
            spans.setdefault(span.first.step, []).append(span)
    found = (Outage(label, tuple(members)) for label, members in spans.items())
    return tuple(sorted(found, key=lambda outage: outage.start))


def combined_outage(history: History, steps: Sequence[str] = ()) -> Outage | str:
    """Return the injections of `steps` (all steps if empty) as one verified outage.

    Returns:
        The outage; or, as a text for an inconclusive verdict, why there is none.
    """
    found = outages(history, steps)
    missing = [step for step in steps if step not in {outage.label for outage in found}]
    if missing:
        return f"the fault {missing[0]!r} was never injected, so there is no outage to judge"
    if not found:
        return "no fault was injected in this run, so there is no outage to judge"
    unverified = [outage.label for outage in found if not outage.is_verified]
    if unverified:
        return f"the fault {unverified[0]!r} was not verified, so the system was not tested"
    lost = [outage.label for outage in found if any(lost_at(s) is not None for s in outage.spans)]
    if lost:
        return f"the fault {lost[0]!r} was lost before its healing, so its length is unknown"
    label = found[0].label if len(found) == 1 else "the outage"
    return Outage(label, tuple(span for outage in found for span in outage.spans))


def healed_outage(history: History, steps: Sequence[str] = ()) -> tuple[Outage, float] | str:
    """Return the verified outage of `steps` and the time at which it was verified as healed.

    Returns:
        The outage and its end; or, as a text for an inconclusive verdict, what is missing.
    """
    outage = combined_outage(history, steps)
    if isinstance(outage, str):
        return outage
    if outage.end is None:
        return "the outage was not verified as healed, so recovery never began"
    return outage, outage.end


def first_fault(history: History) -> float | None:
    """Return when the first fault was asked for; None if none was. All before is the baseline."""
    return next((event.t for event in history.of(Fault)), None)
