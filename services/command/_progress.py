"""How far a stage is, and what a round of the plan leads to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ._sight import Sight
from ._stage import Stage

State: TypeAlias = Literal["unknown", "closed", "ramping", "dwelling", "done", "relapsed"]
"""`unknown`: the target has not been seen since the command centre started.

`ramping`: a step was taken, the target has yet to take it on. `dwelling`: it has, and is watched.
"""


@dataclass(frozen=True)
class Progress:
    """One stage at one moment. Counts are of rounds in a row."""

    state: State = "unknown"
    step: int = -1
    since: float = 0.0
    """When the present step was taken."""
    ready: int = 0
    amiss: int = 0
    """Rounds in which the target was away, not ready, or (a counter) in manual mode."""
    erring: int = 0
    untaken: int = 0
    """Rounds in which the target answered, but had not taken on its share."""
    ran: bool = False
    """It has begun to come back since all was well; losing it again is a relapse."""
    relapses: int = 0
    not_before: float = float("-inf")
    peak: int = 0
    """The largest backlog since the step was taken."""
    received: int | None = None
    failed: int = 0
    """The target's counts when the step was taken, or when they were first seen after it."""
    reason: str = ""
    """Why it is where it is, or what it waits for."""
    lost: str = ""
    """Why it was last closed."""
    told: float = 0.0
    """When it last said so in an event."""

    def share(self, stage: Stage) -> float | None:
        """What the stage's target should admit; None while nobody knows."""
        match self.state:
            case "unknown":
                return None
            case "done":
                return 1.0
            case "ramping" | "dwelling":
                return stage.ramp[self.step]
            case _:
                return 0.0


@dataclass(frozen=True)
class Recovery:
    """The whole plan at one moment."""

    stages: Mapping[str, Progress]
    seen: Mapping[str, Sight] = field(default_factory=dict)
    """Each service as it last answered."""


@dataclass(frozen=True)
class Change:
    """A stage moved on; becomes a `stage` event."""

    stage: str
    state: State
    share: float
    gate: bool
    """Whether what had to hold before this change did. Closing is always allowed."""
    reason: str


@dataclass(frozen=True)
class SetShare:
    """Tell `target` what to admit."""

    target: str
    opens: Literal["admission", "lanes"]
    share: float
    reason: str


@dataclass(frozen=True)
class SetSurge:
    """Tell the counter `target` to open all its desks, or to go back to the usual ones."""

    target: str
    open: bool


Action: TypeAlias = SetShare | SetSurge
