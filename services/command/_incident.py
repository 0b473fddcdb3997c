"""The incident as a whole: when it begins, which counters open all desks, and when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ._loss import CONFIRMATION_ROUNDS
from ._observation import UNREACHED, Observations
from ._plan import Plan
from ._progress import Recovery, SetSurge

_STARTUP_ROUNDS = 20
"""Rounds after the command centre's start in which a target that is not up yet is no incident."""


@dataclass(frozen=True)
class Incident:
    """The current incident, if there is one, and what must be remembered to detect the next."""

    since: float | None = None
    """When it was detected, in scenario seconds; None if there is no incident."""
    cause: str = ""
    continued: bool = False
    """True if it was found in the first round, that is, the command centre was restarted in it."""
    surge: Mapping[str, bool] = field(default_factory=dict)
    """For each counter, whether all its desks should be open. Others are left as they are."""
    rounds: int = 0
    fallback_rounds: Mapping[str, int] = field(default_factory=dict)
    """For each edge service, the consecutive rounds in which it was not in automatic mode."""


def update_incident(
    plan: Plan, incident: Incident, recovery: Recovery, observations: Observations, now: float
) -> tuple[Incident, list[SetSurge], bool]:
    """Update the incident after one round.

    Args:
        plan: The plan that is followed.
        incident: The incident after the previous round.
        recovery: The recovery after this round.
        observations: What this round's probes found.
        now: The current time, in scenario seconds.

    Returns:
        The incident after this round, the orders to counters, and whether it has just ended.
    """
    is_starting = incident.rounds < _STARTUP_ROUNDS and any(
        progress.state == "unknown" for progress in recovery.stages.values()
    )
    # While the whole system starts, edges are in manual mode until they reach the data center.
    fallback_rounds = {
        service: incident.fallback_rounds.get(service, 0) + 1
        for service, observation in observations.items()
        if observation.reached and observation.mode not in ("", "automatic") and not is_starting
    }
    is_first_round = incident.rounds == 0
    incident = replace(incident, fallback_rounds=fallback_rounds, rounds=incident.rounds + 1)
    causes = _causes(plan, incident, recovery, observations, is_first_round=is_first_round)
    if causes and incident.since is None:
        incident = replace(incident, since=now, cause=causes[0], continued=is_first_round)
    ended = incident.since is not None and not causes and not _has_leftovers(recovery)
    if ended:
        incident = replace(incident, since=None, cause="", continued=False)
    surge = _surge(plan, incident, recovery, observations, ended=ended)
    orders = [
        SetSurge(counter, wanted)
        for counter, wanted in surge.items()
        if (seen := observations.get(counter, UNREACHED)).reached and seen.surge is not wanted
    ]
    return replace(incident, surge=surge), orders, ended


def _causes(
    plan: Plan,
    incident: Incident,
    recovery: Recovery,
    observations: Observations,
    *,
    is_first_round: bool,
) -> list[str]:
    """Return everything that is not normal, the most informative first."""
    causes: list[str] = []
    for name, progress in recovery.stages.items():
        stage = plan.stages[name]
        if progress.state == "unknown":
            if incident.rounds > _STARTUP_ROUNDS:
                reached = observations.get(stage.target, UNREACHED).reached
                problem = "has not come up" if reached else "has not been reached"
                causes.append(f"{name}: {stage.target} {problem} since the start")
        elif progress.state != "done":
            causes.append(f"{name}: {progress.close_reason or progress.reason}")
        elif progress.failing_rounds >= CONFIRMATION_ROUNDS:
            causes.append(f"{name}: no contact with {stage.target}")
    for service, rounds in incident.fallback_rounds.items():
        # One round is enough right after a start: a command centre that was restarted during an
        # incident has forgotten it, and finds the edges in fallback.
        if rounds >= CONFIRMATION_ROUNDS or is_first_round:
            causes.append(f"{service} is in {observations[service].mode} mode")
    if is_first_round:
        # Only a command centre opens all desks. It was this one, before it was restarted.
        causes += [f"{service} has all desks open" for service in _surging(observations)]
    return causes


def _surging(observations: Observations) -> list[str]:
    return [service for service, observation in observations.items() if observation.surge]


def _has_leftovers(recovery: Recovery) -> bool:
    """Return True if some edge, when last reached, was in fallback or had records to replay."""
    return any(
        observation.backlog or observation.mode not in ("", "automatic")
        for observation in recovery.last_reached.values()
    ) or any(progress.state == "unknown" for progress in recovery.stages.values())


def _surge(
    plan: Plan,
    incident: Incident,
    recovery: Recovery,
    observations: Observations,
    *,
    ended: bool,
) -> dict[str, bool]:
    """Return for each counter that is to be controlled whether all its desks should be open."""
    surge = dict(incident.surge)
    if ended:
        wanted = {service for service, is_open in surge.items() if is_open}
        return dict.fromkeys(sorted({*_surging(observations), *wanted}), False)
    if incident.since is None:
        # A counter that missed the order of the all-clear gets it when it is reachable again.
        return {
            service: is_open
            for service, is_open in surge.items()
            if not observations.get(service, UNREACHED).reached
            or observations[service].surge is not is_open
        }
    for name, progress in recovery.stages.items():
        if progress.is_closed or progress.failing_rounds >= CONFIRMATION_ROUNDS:
            surge.update(dict.fromkeys(plan.stages[name].surge, True))
    return surge
