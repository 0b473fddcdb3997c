"""The state of each stage, and the changes and orders that one round of the plan produces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ._observation import Observation
from ._stage import Stage

State: TypeAlias = Literal["unknown", "closed", "ramping", "dwelling", "done", "relapsed"]
"""The state of a stage.

- `unknown`: the target has not reported its state since the command centre started.
- `closed`: the target is to admit nothing.
- `ramping`: a step was taken, and the target has not applied its share yet.
- `dwelling`: the target has applied the share of the step, and is watched.
- `done`: the target is fully open.
- `relapsed`: as `closed`, after the stage had begun to reopen; all later stages are closed too.
"""


@dataclass(frozen=True)
class Progress:
    """One stage at one moment. The `..._rounds` fields count consecutive rounds."""

    state: State = "unknown"
    step: int = -1
    """Index into the stage's ramp; -1 before the first step."""
    since: float = 0.0
    """When the current step was taken, in scenario seconds."""
    ready_rounds: int = 0
    failing_rounds: int = 0
    """Rounds in which the target was unreachable, not ready, or (a counter) in manual mode."""
    error_rounds: int = 0
    """Rounds in which too many requests failed while the stage was opening."""
    unapplied_rounds: int = 0
    """Rounds in which the target answered, but had not applied its share."""
    reopened: bool = False
    """True once the stage has begun to reopen in this incident; a loss after that is a relapse."""
    relapses: int = 0
    not_before: float = float("-inf")
    """Earliest time of the next attempt after a relapse, in scenario seconds."""
    peak: int = 0
    """The target's largest backlog since the step was taken."""
    received: int | None = None
    failed: int = 0
    """The target's request counts when the step was taken, or when first known after it."""
    reason: str = ""
    """Why the stage is in its state, or what it waits for."""
    close_reason: str = ""
    """Why the stage was last closed."""
    logged_at: float = 0.0
    """When the stage last logged a `stage` event, in scenario seconds."""

    @property
    def is_closed(self) -> bool:
        """True if the target is to admit nothing."""
        return self.state in ("closed", "relapsed")

    @property
    def is_opening(self) -> bool:
        """True if the stage is between its first step and `done`."""
        return self.state in ("ramping", "dwelling")

    def share(self, stage: Stage) -> float | None:
        """Return the share that the stage's target should admit; None if the state is unknown."""
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
    """The progress of the whole plan at one moment."""

    stages: Mapping[str, Progress]
    last_reached: Mapping[str, Observation] = field(default_factory=dict)
    """For each service, the last observation in which it answered."""


@dataclass(frozen=True)
class Change:
    """A change of a stage, which is logged as a `stage` event."""

    stage: str
    state: State
    share: float
    gate: bool
    """True if the criteria for this change held. Closing has no criteria."""
    reason: str


@dataclass(frozen=True)
class SetShare:
    """Order `target` to admit a share of its requests, or to open a share of its lanes."""

    target: str
    opens: Literal["admission", "lanes"]
    share: float
    reason: str


@dataclass(frozen=True)
class SetSurge:
    """Order the counter `target` to open all its desks, or to go back to the usual number."""

    target: str
    open: bool


Order: TypeAlias = SetShare | SetSurge
