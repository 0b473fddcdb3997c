"""One stage of the recovery plan, as it is written in the plan file: plain data, no behaviour."""

from typing import Literal

import msgspec


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one stage opens, after which other stages, in which steps, and under which criteria."""

    target: str
    """The service that the stage brings back."""
    opens: Literal["admission", "lanes", "nothing"]
    """What is set on the target: a tenant's admission, an autogate's lanes, or nothing.

    A stage that opens nothing waits until the target replays its journal.
    """
    after: tuple[str, ...] = ()
    """Stages that must be done before this one may begin."""
    needs: tuple[str, ...] | None = None
    """Stages that this one cannot work without: if one closes, this one closes. Default: `after`.

    Order alone closes nothing: Bali's gates open after Soekarno-Hatta's, but work without them.
    """
    ready_for: int = 2
    """Number of consecutive rounds in which the target must be ready before the first step."""
    ramp: tuple[float, ...] = (1.0,)
    """The share that each step opens, ascending; the last one is 1."""
    dwell: float = 300.0
    """Minimum time that each step is watched, in scenario seconds."""
    max_errors: float = 0.1
    """Highest share of failed requests, 0 to 1, among those received since the step was taken."""
    watch: tuple[str, ...] = ()
    """Services whose total backlog must not grow while a step is watched."""
    witnesses: tuple[str, ...] = ()
    """Services that use the target, and would be in manual mode if it were lost.

    Their modes decide whether an unreachable target counts as lost.
    """
    surge: tuple[str, ...] = ()
    """Counters that open all desks when this stage is lost."""
    label: dict[str, str] = {}
    """The name of the stage in notices, by language; notices omit a stage without a label."""
