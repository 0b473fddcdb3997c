"""What shows that an open stage cannot be relied on any more."""

from ._criteria import bears_witness, same_share, too_many_errors
from ._progress import Progress
from ._sight import Observation, Sight
from ._stage import Stage

TWICE = 2
"""One missed probe is chance; two in a row are a finding."""

_UNTAKEN = 3
_UNEXPLAINED = "no reason given"


def shows_loss(stage: Stage, progress: Progress, sight: Sight, observation: Observation) -> str:
    """The finding in words; "" if there is none. The stage is on its way or done."""
    if stage.opens == "nothing":
        lost = progress.state == "done" and progress.amiss >= TWICE
        return f"{stage.target} works by hand" if lost else ""
    return (
        _closed_itself(stage, progress, sight)
        or _does_not_hold(stage, progress, sight)
        or _is_away(stage, progress, sight, observation)
    )


def _closed_itself(stage: Stage, progress: Progress, sight: Sight) -> str:
    want = progress.share(stage)
    if progress.state == "ramping":  # its new share may not have arrived; what it had before did
        want = stage.ramp[progress.step - 1] if progress.step > 0 else None
    if want is None or sight.share is None:
        return ""
    if sight.share >= want or same_share(sight.share, want):
        return ""
    return f"{stage.target} closed itself: {sight.reason or _UNEXPLAINED}"


def _does_not_hold(stage: Stage, progress: Progress, sight: Sight) -> str:
    if progress.erring >= TWICE:
        return too_many_errors(stage, progress, sight)
    if progress.untaken >= _UNTAKEN:
        return f"{stage.target} does not take on its share: {sight.reason or _UNEXPLAINED}"
    return ""


def _is_away(stage: Stage, progress: Progress, sight: Sight, observation: Observation) -> str:
    if progress.amiss < TWICE:
        return ""
    if sight.reached:
        return f"{stage.target} is not ready: {sight.reason or _UNEXPLAINED}"
    if bears_witness(stage, observation):
        return f"{stage.target} is out of reach, and those who use it work by hand"
    if progress.state in ("ramping", "dwelling"):
        return f"{stage.target} is out of reach"
    return ""
