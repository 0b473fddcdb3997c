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
    """What this scenario changes in the definition of one service."""

    app: str | None = Field(
        default=None, description="Another ASGI application factory, `module:name`."
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="Environment variables, added to the stack file's."
    )


class Scenario(Model):
    """Load and faults for a stack, and what is expected of it.

    Every duration is in scenario time; the run divides it by `pace`.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str = Field(description="One sentence for the top of the report.")
    story: str = Field(
        default="", description="The incident that the scenario follows, for the report."
    )
    pace: float = Field(
        default=1.0, gt=0, description="Scenario seconds per wall-clock second of the run."
    )
    seed: int = Field(default=0, description="Seed of the arrivals and of all other randomness.")
    origin: datetime | None = Field(
        default=None,
        description="Date and time of the scenario clock at the start, with its offset from UTC.",
    )
    load: Load
    timeline: tuple[Step, ...] = ()
    settle: Duration = Field(
        default=3600.0,
        description="Most time after load until the system is quiescent; waited for in full if no "
        "service has x-harness.quiescent.",
    )
    expect: tuple[Expectation, ...] = Field(min_length=1)
    overrides: dict[str, Override] = Field(default_factory=dict)

    @property
    def faults(self) -> tuple[FaultStep, ...]:
        """The fault steps, in the order of the file."""
        return tuple(step for step in self.timeline if isinstance(step, FaultStep))

    @model_validator(mode="after")
    def _consistent(self) -> "Scenario":
        problems = []
        names = Counter(step.label for step in self.timeline)
        for step in self.timeline:
            if step.after is not None and step.after not in names:
                problems.append(f"after: no step is called {step.after!r}")
            if step.at is not None and step.at > self.load.duration + self.settle:
                problems.append(f"at: step {step.label!r} starts after the end of load and settle")
        try:
            predecessors = {s.label: {s.after} for s in self.timeline if s.after is not None}
            tuple(TopologicalSorter(predecessors).static_order())
        except CycleError as error:
            problems.append(f"after: steps wait for each other: {' -> '.join(error.args[1])}")
        problems += [
            f"two steps are called {name!r}; give each a name of its own"
            for name, n in names.items()
            if n > 1
        ]
        checks = Counter(expectation.name for expectation in self.expect)
        problems += [
            f"expect: {name!r} is used {n} times; give each a name of its own"
            for name, n in checks.items()
            if n > 1
        ]
        if self.origin is not None and self.origin.tzinfo is None:
            problems.append("origin: add the offset from UTC, as in 2024-06-20T00:00:00+07:00")
        if problems:
            raise ValueError("; ".join(problems))
        return self
