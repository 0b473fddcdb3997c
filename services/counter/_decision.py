"""What a traveller is told."""

from typing import Literal

import msgspec


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a traveller. `held`: to secondary inspection, not admitted."""

    decision: Literal["admitted", "held"]
    path: Literal["online", "manual"]
    source: Literal["central", "snapshot"]
    """Whose word it rests on."""
    receipt: int | None = None
    snapshot_version: int | None = None
    snapshot_age: float | None = None
    reason: str | None = None
    waited: float | None = None
    """Seconds of life in the queue."""
