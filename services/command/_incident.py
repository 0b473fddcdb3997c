"""The incident as a whole: when it is one, whose counters open all desks, and when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ._loss import TWICE
from ._plan import Plan
from ._progress import Recovery, SetSurge
from ._sight import UNSEEN, Observation

_STRANGERS = 20
"""Rounds that a target may take to show up after the command centre started, as the others do."""


@dataclass(frozen=True)
class Incident:
    """What is known of the present incident, or of there being none."""

    since: float | None = None
    """When it was detected; None: all is well."""
    cause: str = ""
    continued: bool = False
    """It was found at the start: this command centre was in the middle of it before."""
    surge: Mapping[str, bool] = field(default_factory=dict)
    """Counters and whether all their desks should be open; those that are not named are left."""
    rounds: int = 0
    odd: Mapping[str, int] = field(default_factory=dict)
    """For each edge, in how many rounds in a row it was not in automatic mode."""


def follow(
    plan: Plan, incident: Incident, recovery: Recovery, observation: Observation, now: float
) -> tuple[Incident, list[SetSurge], bool]:
    """One round: the incident after it, what to tell the counters, and if it has just ended."""
    starting = incident.rounds < _STRANGERS and any(
        progress.state == "unknown" for progress in recovery.stages.values()
    )
    # While the whole system starts, edges work by hand until they have found the data center.
    odd = {
        service: incident.odd.get(service, 0) + 1
        for service, sight in observation.items()
        if sight.reached and sight.mode not in ("", "automatic") and not starting
    }
    first = incident.rounds == 0
    incident = replace(incident, odd=odd, rounds=incident.rounds + 1)
    causes = _causes(plan, incident, recovery, observation, first=first)
    if causes and incident.since is None:
        incident = replace(incident, since=now, cause=causes[0], continued=first)
    ended = incident.since is not None and not causes and not _leftovers(recovery)
    if ended:
        incident = replace(incident, since=None, cause="", continued=False)
    surge = _surge(plan, incident, recovery, observation, ended=ended)
    actions = [
        SetSurge(counter, wanted)
        for counter, wanted in surge.items()
        if (sight := observation.get(counter, UNSEEN)).reached and sight.surge is not wanted
    ]
    return replace(incident, surge=surge), actions, ended


def _causes(
    plan: Plan, incident: Incident, recovery: Recovery, observation: Observation, *, first: bool
) -> list[str]:
    """Everything that is not normal, the most telling first."""
    causes: list[str] = []
    for name, progress in recovery.stages.items():
        stage = plan.stages[name]
        if progress.state == "unknown":
            if incident.rounds > _STRANGERS:
                reached = observation.get(stage.target, UNSEEN).reached
                what = "has not come up" if reached else "was not seen"
                causes.append(f"{name}: {stage.target} {what} since the start")
        elif progress.state != "done":
            causes.append(f"{name}: {progress.lost or progress.reason}")
        elif progress.amiss >= TWICE:
            causes.append(f"{name}: no contact with {stage.target}")
    for service, rounds in incident.odd.items():
        # Someone who has just started, and finds an edge in fallback, need not look twice: it
        # would have forgotten an incident that it was in the middle of.
        if rounds >= TWICE or first:
            causes.append(f"{service} is in {observation[service].mode} mode")
    if first:  # only a command centre opens all desks: it was this one, before it was restarted
        causes += [f"{s} has all desks open" for s, sight in observation.items() if sight.surge]
    return causes


def _leftovers(recovery: Recovery) -> bool:
    """Whether some edge, as it was last seen, is in fallback or has records to enter."""
    return any(s.backlog or s.mode not in ("", "automatic") for s in recovery.seen.values()) or any(
        progress.state == "unknown" for progress in recovery.stages.values()
    )


def _surge(
    plan: Plan, incident: Incident, recovery: Recovery, observation: Observation, *, ended: bool
) -> dict[str, bool]:
    surge = dict(incident.surge)
    if ended:
        opened = {s for s, sight in observation.items() if sight.surge}
        wanted = opened | {s for s, wanted in surge.items() if wanted}
        return dict.fromkeys(sorted(wanted), False)
    if incident.since is None:
        # A counter that could not be told at the all-clear is told when it is seen again.
        return {
            s: wanted
            for s, wanted in surge.items()
            if not observation.get(s, UNSEEN).reached or observation[s].surge is not wanted
        }
    for name, progress in recovery.stages.items():
        if progress.state in ("closed", "relapsed") or progress.amiss >= TWICE:
            surge.update(dict.fromkeys(plan.stages[name].surge, True))
    return surge
