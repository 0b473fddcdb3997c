"""Decides when an open stage is lost, and why."""

from ._criteria import error_reason, shares_equal, witnesses_confirm_loss
from ._observation import Observation, Observations
from ._progress import Progress
from ._stage import Stage

CONFIRMATION_ROUNDS = 2
"""One failed probe may be chance; two in a row are a finding."""

_APPLY_ROUNDS = 3
"""Rounds that a target is given to apply its share."""

_NO_REASON = "no reason given"


def loss_reason(
    stage: Stage, progress: Progress, observation: Observation, observations: Observations
) -> str:
    """Return why a stage that is opening or done is lost, or "" if it is not.

    Args:
        stage: The stage as planned.
        progress: Its progress.
        observation: Its target in this round.
        observations: All services in this round, for the witnesses.
    """
    if stage.opens == "nothing":
        is_lost = progress.state == "done" and progress.failing_rounds >= CONFIRMATION_ROUNDS
        return f"{stage.target} is in manual mode" if is_lost else ""
    return (
        _self_closed_reason(stage, progress, observation)
        or _misbehaviour_reason(stage, progress, observation)
        or _failure_reason(stage, progress, observation, observations)
    )


def _self_closed_reason(stage: Stage, progress: Progress, observation: Observation) -> str:
    expected = progress.share(stage)
    if progress.state == "ramping":  # the new share may not have arrived; the previous one has
        expected = stage.ramp[progress.step - 1] if progress.step > 0 else None
    if expected is None or observation.share is None:
        return ""
    if observation.share >= expected or shares_equal(observation.share, expected):
        return ""
    return f"{stage.target} closed itself: {observation.reason or _NO_REASON}"


def _misbehaviour_reason(stage: Stage, progress: Progress, observation: Observation) -> str:
    if progress.error_rounds >= CONFIRMATION_ROUNDS:
        return error_reason(stage, progress, observation)
    if progress.unapplied_rounds >= _APPLY_ROUNDS:
        return f"{stage.target} does not apply its share: {observation.reason or _NO_REASON}"
    return ""


def _failure_reason(
    stage: Stage, progress: Progress, observation: Observation, observations: Observations
) -> str:
    if progress.failing_rounds < CONFIRMATION_ROUNDS:
        return ""
    if observation.reached:
        return f"{stage.target} is not ready: {observation.reason or _NO_REASON}"
    if witnesses_confirm_loss(stage, observations):
        return f"{stage.target} is unreachable, and the services that use it are in manual mode"
    if progress.is_opening:
        return f"{stage.target} is unreachable"
    return ""
