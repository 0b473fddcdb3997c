"""The answer to a traveller."""

from typing import Literal

import msgspec


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a traveller. `held`: not admitted, but sent to secondary inspection."""

    decision: Literal["admitted", "held"]
    path: Literal["online", "manual"]
    source: Literal["central", "snapshot"]
    """What the decision is based on: the data center's answer, or the offline watchlist."""
    receipt: int | None = None
    snapshot_version: int | None = None
    snapshot_age: float | None = None
    """Age of the snapshot, in scenario seconds."""
    reason: str | None = None
    waited: float | None = None
    """Time in the queue, in scenario seconds."""
