"""What holds a stage back: each question answers with the reason, or "" if nothing does."""

from collections.abc import Iterable, Mapping

from ._plan import Plan
from ._progress import Progress
from ._sight import UNSEEN, Observation, Sight
from ._stage import Stage

_SLACK = 0.95
"""Timers jitter: a dwell that is short by a twentieth is not cut short."""

_SAME = 0.02
"""Shares closer than this are the same: three lanes cannot give exactly 0.34."""


def fit(stage: Stage, sight: Sight) -> bool:
    """Whether the target is there and able to be opened."""
    return sight.reached and (sight.ready or stage.opens == "nothing")


def is_amiss(stage: Stage, sight: Sight) -> bool:
    """Whether the target, were it open, could not be relied on.

    A counter out of sight is nothing amiss: it works on its own, and nothing is known against it.
    """
    if stage.opens == "nothing":
        return sight.reached and sight.mode == "manual"
    return not fit(stage, sight)


def same_share(one: float, other: float) -> bool:
    """Whether two shares are one, within what lanes can express."""
    return abs(one - other) <= _SAME


def backlog(services: Iterable[str], seen: Mapping[str, Sight]) -> int:
    """The records not yet entered at these services, as far as they were seen."""
    return sum(seen.get(service, UNSEEN).backlog for service in services)


def bears_witness(stage: Stage, observation: Observation) -> bool:
    """Whether those who use the target say, by their mode, that it is lost to them too."""
    heard = [s for w in stage.witnesses if (s := observation.get(w, UNSEEN)).reached and s.mode]
    return 2 * sum(sight.mode == "manual" for sight in heard) > len(heard)


def awaits_others(plan: Plan, name: str, stages: Mapping[str, Progress]) -> str:
    """Which earlier stage keeps this one from a step."""
    for other in plan.stages[name].after:
        if stages[other].state != "done":
            return f"waits for {other}"
        if stages[other].amiss:
            return f"waits for {other}, which is not seen ready"
    return ""


def awaits_entry(stage: Stage, progress: Progress, sight: Sight, now: float) -> str:
    """Why the first step cannot be taken, given that the earlier stages are done."""
    if why := _unfit(stage, sight):
        return why
    if progress.ready < stage.ready_for:
        return f"{stage.target} was seen ready {progress.ready} of {stage.ready_for} times"
    if now < progress.not_before:
        return f"waits {progress.not_before - now:.0f} s more after relapse {progress.relapses}"
    return ""


def _unfit(stage: Stage, sight: Sight) -> str:
    if not sight.reached:
        return f"{stage.target} is out of reach"
    if not fit(stage, sight):
        return f"{stage.target} is not ready: {sight.reason or 'no reason given'}"
    if stage.opens == "nothing" and sight.mode == "manual":
        return f"{stage.target} still works by hand"
    if stage.opens != "nothing" and sight.share != 0.0:
        return f"{stage.target} has yet to close before it is opened step by step"
    return ""


def awaits_exit(
    stage: Stage,
    progress: Progress,
    sight: Sight,
    now: float,
    *,
    entered: tuple[int, int],
) -> str:
    """Why the present step is not yet passed. `entered`: the watched backlog before and now."""
    if not fit(stage, sight):
        return f"{stage.target} is {'not ready' if sight.reached else 'out of reach'}"
    return (
        too_many_errors(stage, progress, sight)
        or _backlog_stays(stage, progress, sight, entered)
        or _dwells(stage, progress, now)
    )


def _backlog_stays(stage: Stage, progress: Progress, sight: Sight, entered: tuple[int, int]) -> str:
    if stage.opens == "nothing":
        if sight.mode == "manual":
            return f"{stage.target} still works by hand"
        if 0 < sight.backlog >= progress.peak:
            return f"the journal of {stage.target} is not being entered ({sight.backlog} records)"
        return ""
    # What a tenant's lower shares refuse goes into journals: until the last step, growing is no
    # bad sign.
    before, after = entered
    counts = stage.opens == "lanes" or stage.ramp[progress.step] == 1.0
    if counts and after > before:
        return f"the backlog of {', '.join(stage.watch)} grows ({before} to {after} records)"
    return ""


def _dwells(stage: Stage, progress: Progress, now: float) -> str:
    if now - progress.since >= _SLACK * stage.dwell:
        return ""
    return f"is watched for {stage.dwell:.0f} s at share {stage.ramp[progress.step]:g}"


def too_many_errors(stage: Stage, progress: Progress, sight: Sight) -> str:
    """Whether more requests failed since the step than may."""
    if sight.received is None or progress.received is None:
        return ""
    received, failed = sight.received - progress.received, sight.failed - progress.failed
    if received > 0 and failed > stage.max_errors * received:
        return f"{stage.target} failed {failed} of {received} requests"
    return ""
