"""The criteria for taking a step. A `..._reason` function returns a text, or "" if all is well."""

from collections.abc import Iterable, Mapping

from ._observation import UNREACHED, Observation, Observations
from ._plan import Plan
from ._progress import Progress
from ._stage import Stage

_DWELL_TOLERANCE = 0.95
"""Timers jitter, so a step may end after 95 % of its dwell."""

_SHARE_TOLERANCE = 0.02
"""Shares that differ by no more than this are equal: three lanes cannot give exactly 0.34."""


def is_ready(stage: Stage, observation: Observation) -> bool:
    """Return True if the target is reachable and can be opened."""
    return observation.reached and (observation.ready or stage.opens == "nothing")


def is_failing(stage: Stage, observation: Observation) -> bool:
    """Return True if the target could not serve requests even if it were open.

    An unreachable counter is not failing: it works on its own, so its silence proves nothing.
    """
    if stage.opens == "nothing":
        return observation.reached and observation.mode == "manual"
    return not is_ready(stage, observation)


def shares_equal(one: float, other: float) -> bool:
    """Return True if two shares are equal within what a whole number of lanes can express."""
    return abs(one - other) <= _SHARE_TOLERANCE


def total_backlog(services: Iterable[str], observations: Observations) -> int:
    """Return the number of journal records not yet in the ledger, as far as they are known."""
    return sum(observations.get(service, UNREACHED).backlog for service in services)


def witnesses_confirm_loss(stage: Stage, observations: Observations) -> bool:
    """Return True if most of the reachable witnesses of the target are in manual mode."""
    reporting = [
        observation
        for witness in stage.witnesses
        if (observation := observations.get(witness, UNREACHED)).reached and observation.mode
    ]
    return 2 * sum(observation.mode == "manual" for observation in reporting) > len(reporting)


def predecessor_reason(plan: Plan, name: str, stages: Mapping[str, Progress]) -> str:
    """Return which earlier stage keeps this one from taking a step."""
    for other in plan.stages[name].after:
        if stages[other].state != "done":
            return f"waiting for {other}"
        if stages[other].failing_rounds:
            return f"waiting for {other}, which is not ready"
    return ""


def entry_reason(stage: Stage, progress: Progress, observation: Observation, now: float) -> str:
    """Return why the first step cannot be taken, given that the earlier stages are done."""
    if reason := _target_reason(stage, observation):
        return reason
    if progress.ready_rounds < stage.ready_for:
        return f"{stage.target} was ready in {progress.ready_rounds} of {stage.ready_for} rounds"
    if now < progress.not_before:
        wait = progress.not_before - now
        return f"waiting another {wait:.0f} s after relapse {progress.relapses}"
    return ""


def _target_reason(stage: Stage, observation: Observation) -> str:
    if not observation.reached:
        return f"{stage.target} is unreachable"
    if not is_ready(stage, observation):
        return f"{stage.target} is not ready: {observation.reason or 'no reason given'}"
    if stage.opens == "nothing" and observation.mode == "manual":
        return f"{stage.target} is still in manual mode"
    if stage.opens != "nothing" and observation.share != 0.0:
        return f"{stage.target} must close before it is opened step by step"
    return ""


def exit_reason(
    stage: Stage,
    progress: Progress,
    observation: Observation,
    now: float,
    *,
    backlogs: tuple[int, int],
) -> str:
    """Return why the current step is not complete.

    Args:
        stage: The stage as planned.
        progress: Its progress.
        observation: Its target in this round.
        now: The time of this round, in scenario seconds.
        backlogs: The total backlog of the watched services in the previous round and in this one.
    """
    if not is_ready(stage, observation):
        return f"{stage.target} is {'not ready' if observation.reached else 'unreachable'}"
    return (
        error_reason(stage, progress, observation)
        or _backlog_reason(stage, progress, observation, backlogs)
        or _dwell_reason(stage, progress, now)
    )


def _backlog_reason(
    stage: Stage, progress: Progress, observation: Observation, backlogs: tuple[int, int]
) -> str:
    if stage.opens == "nothing":
        if observation.mode == "manual":
            return f"{stage.target} is still in manual mode"
        if 0 < observation.backlog >= progress.peak:
            return f"the journal of {stage.target} is not shrinking ({observation.backlog} records)"
        return ""
    # Requests that a tenant refuses at a lower share go into the callers' journals. Until the last
    # step, a growing backlog is therefore normal.
    before, after = backlogs
    is_final = stage.opens == "lanes" or stage.ramp[progress.step] == 1.0
    if is_final and after > before:
        return f"the backlog of {', '.join(stage.watch)} is growing ({before} to {after} records)"
    return ""


def _dwell_reason(stage: Stage, progress: Progress, now: float) -> str:
    if now - progress.since >= _DWELL_TOLERANCE * stage.dwell:
        return ""
    return f"watched for {stage.dwell:.0f} s at share {stage.ramp[progress.step]:g}"


def error_reason(stage: Stage, progress: Progress, observation: Observation) -> str:
    """Return how many requests have failed since the step, if it is more than the stage allows."""
    if observation.received is None or progress.received is None:
        return ""
    received = observation.received - progress.received
    failed = observation.failed - progress.failed
    if received > 0 and failed > stage.max_errors * received:
        return f"{stage.target} failed {failed} of {received} requests"
    return ""
