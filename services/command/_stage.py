"""One stage of the recovery plan, as it is written: plain data, no behaviour."""

from typing import Literal

import msgspec


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one stage opens, after which others, in which steps, and what holds it back."""

    target: str
    """The service that the stage brings back."""
    opens: Literal["admission", "lanes", "nothing"]
    """What is set on the target: a tenant's admission, a gate's lanes, or nothing.

    A stage that opens nothing waits until the target's journal is being entered.
    """
    after: tuple[str, ...] = ()
    """The stages that must be done before this one may begin."""
    needs: tuple[str, ...] | None = None
    """Those without which it cannot work: if one closes, it closes. By default all of `after`.

    Order alone takes nothing down: Bali's gates come after Soekarno-Hatta's, but work without them.
    """
    ready_for: int = 2
    """How many times in a row the target must be seen ready before the first step."""
    ramp: tuple[float, ...] = (1.0,)
    """The shares of its steps, ascending; the last is 1."""
    dwell: float = 300.0
    """How long each step is watched, at least, in seconds of life."""
    max_errors: float = 0.1
    """The share of the requests since the step that may have failed."""
    watch: tuple[str, ...] = ()
    """Services whose backlogs, together, must not grow while a step is watched."""
    witnesses: tuple[str, ...] = ()
    """Services that would be in manual mode if the target were lost.

    The command centre asks them before it believes that a target it cannot see is down.
    """
    surge: tuple[str, ...] = ()
    """Counters that open all their desks when this stage is lost."""
    label: dict[str, str] = {}
    """What notices call it, per language; without a label it is not mentioned."""
