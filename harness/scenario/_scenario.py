"""A scenario: load, a timeline of faults and recovery steps, and expectations. Plain data."""

from collections import Counter
from datetime import datetime
from graphlib import CycleError, TopologicalSorter

from pydantic import Field, model_validator

from ._duration import Duration
from ._expectation import Expectation
from ._load import Load
from ._model import Model
from ._timeline import FaultStep, Step


class Override(Model):
    """How one service differs from the stack file in this scenario."""

    app: str | None = Field(default=None, description="Another ASGI factory, `module:name`.")
    environment: dict[str, str] = Field(default_factory=dict)


class Scenario(Model):
    """What is done to a stack, and what must then be true.

    Every duration is written as it is in life and divided by `pace` when it is run.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str = Field(description="One sentence for the top of the report.")
    story: str = Field(default="", description="What happened in life, for the report.")
    pace: float = Field(default=1.0, gt=0, description="Seconds of life in one second of the run.")
    seed: int = 0
    origin: datetime | None = Field(
        default=None, description="The date and hour at which the run begins, with its offset."
    )
    load: Load
    timeline: tuple[Step, ...] = ()
    settle: Duration = Field(
        default=3600.0, description="After load: at most this long until the system is quiescent."
    )
    expect: tuple[Expectation, ...] = Field(min_length=1)
    overrides: dict[str, Override] = Field(default_factory=dict)

    @property
    def faults(self) -> tuple[FaultStep, ...]:
        """The fault steps, in the order in which they are written."""
        return tuple(step for step in self.timeline if isinstance(step, FaultStep))

    @model_validator(mode="after")
    def _consistent(self) -> "Scenario":
        problems = []
        names = Counter(step.label for step in self.timeline)
        for step in self.timeline:
            if step.after is not None and step.after not in names:
                problems.append(f"after: no step is called {step.after!r}")
            if step.at is not None and step.at > self.load.duration + self.settle:
                problems.append(f"at: step {step.label!r} comes after the run's end")
        try:
            awaits = {s.label: {s.after} for s in self.timeline if s.after is not None}
            tuple(TopologicalSorter(awaits).static_order())
        except CycleError as error:
            problems.append(f"after: steps await each other: {' -> '.join(error.args[1])}")
        problems += [f"step {name!r} is named twice" for name, n in names.items() if n > 1]
        checks = Counter(expectation.name for expectation in self.expect)
        problems += [
            f"expect: {name!r} stands {n} times; give each a name of its own"
            for name, n in checks.items()
            if n > 1
        ]
        if self.origin is not None and self.origin.tzinfo is None:
            problems.append("origin: add the offset from UTC, as in 2024-06-20T00:00:00+07:00")
        if problems:
            raise ValueError("; ".join(problems))
        return self
