"""What a check names in its parameters: services, final reads and fault steps.

A run can then be refused before it starts if one of them does not exist. Operations are not among
them: only the journeys know which there will be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from harness.scenario import Model

from ._check import Check
from ._final_read import Ledger
from ._match import Names

Kind = Literal["service", "read", "step"]


@dataclass(frozen=True)
class NamesOf:
    """Marks a parameter, as in `Annotated[str, NamesOf("service")]`, as names of this kind."""

    kind: Kind


Services = Annotated[Names, NamesOf("service")]
"""Names of services of the stack; a name that the stack does not have is refused before a run."""

OptionalService = Annotated[str | None, NamesOf("service")]
"""The name of a service of the stack, or None."""

Steps = Annotated[Names, NamesOf("step")]
"""Names of fault steps; a name that the scenario does not have is refused before a run."""


@dataclass(frozen=True)
class Named:
    """A name in the parameters of a check."""

    key: str
    """The parameter: `services`, `ledger.read`, ..."""
    kind: Kind
    name: str
    service: str = ""
    """Of a final read: its service."""


def named(check: Check) -> Iterator[Named]:
    """Yield every name in the parameters of `check` that the stack or the scenario must have."""
    yield from _named(check, "")


def _named(model: Model, prefix: str) -> Iterator[Named]:
    if isinstance(model, Ledger):
        yield Named(f"{prefix}service", "service", model.service)
        yield Named(f"{prefix}read", "read", model.read, model.service)
        return
    for key, field in type(model).model_fields.items():
        value = getattr(model, key)
        values = value if isinstance(value, tuple) else (value,)
        kinds = [mark.kind for mark in field.metadata if isinstance(mark, NamesOf)]
        for item in values:
            if isinstance(item, Model):
                yield from _named(item, f"{prefix}{key}.")
            elif isinstance(item, str):
                yield from (Named(f"{prefix}{key}", kind, item) for kind in kinds)
