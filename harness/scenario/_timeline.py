"""The `timeline` of a scenario: its steps, and when each starts.

A step starts at a time (`at`), after another step has ended (`after`), or when an event appears in
the history (`when`); `delay` is added to any of them. It does one thing: inject a fault, or make an
operator's call.
"""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, JsonValue, Tag, model_validator

from ._duration import Duration
from ._model import Model


class When(Model):
    """The event that starts a step: its kind, its service, and conditions on its fields."""

    event: str = Field(
        description="`mode`, `stage`, `notice`, `gauge`, or the name of a service's log event."
    )
    service: str | None = Field(default=None, description="Its service; any if not given.")
    where: dict[str, JsonValue] = Field(
        default_factory=dict, description="Fields with their exact values."
    )
    at_least: dict[str, float] = Field(
        default_factory=dict, description="Numeric fields with their least values."
    )
    at_most: dict[str, float] = Field(
        default_factory=dict, description="Numeric fields with their greatest values."
    )
    within: Duration = Field(
        description="Limit since the start of the run; without the event the run is inconclusive."
    )

    @model_validator(mode="after")
    def _is_not_of_load(self) -> "When":
        if self.event in ("invoke", "ok", "fail", "unknown", "generator"):
            raise ValueError("a trigger waits for events of services and faults, not for "
                             f"{self.event!r}; name one of theirs")  # fmt: skip
        return self


class Target(Model):
    """What a fault is injected into: exactly one key. Names are checked against the stack."""

    link: str | tuple[str, ...] | None = Field(default=None, description="Links, by name.")
    to: str | None = Field(default=None, description="All links into this service.")
    from_: str | None = Field(
        default=None, alias="from", description="All links out of this service."
    )
    service: str | tuple[str, ...] | None = Field(default=None, description="Services, by name.")
    site: str | None = Field(
        default=None, description="The links that cross a site's border, or all its services."
    )

    @model_validator(mode="after")
    def _one(self) -> "Target":
        given = (self.link, self.to, self.from_, self.service, self.site)
        if sum(name is not None for name in given) != 1:
            raise ValueError("name exactly one of link, to, from, service, site")
        return self


class Flap(Model):
    """Inject and heal the fault repeatedly for as long as the step lasts."""

    on: Duration = Field(gt=0, description="How long the fault is in place each time.")
    off: Duration = Field(gt=0, description="How long it is healed in between.")


class _Step(Model):
    name: str | None = Field(
        default=None, description="Name of the step, for `after` and for the report."
    )
    at: Duration | None = Field(default=None, description="Time since the start of the run.")
    after: str | None = Field(
        default=None, description="Name of the step after whose end this one starts."
    )
    when: When | None = Field(default=None, description="The event that starts the step.")
    delay: Duration = Field(default=0.0, description="Added to `at`, `after` or `when`.")

    @model_validator(mode="after")
    def _one_trigger(self) -> "_Step":
        if sum(trigger is not None for trigger in (self.at, self.after, self.when)) != 1:
            raise ValueError("a step needs exactly one of at, after, when")
        return self


class FaultStep(_Step):
    """Inject a fault and verify that it takes effect; after `for`, heal it and verify that too."""

    fault: str = Field(description="The fault type: cut, blackhole, delay, kill, ...")
    on: Target = Field(description="What it is injected into.")
    params: dict[str, JsonValue] = Field(
        default_factory=dict, alias="with", description="Parameters of the fault type."
    )
    for_: Duration | None = Field(
        default=None,
        alias="for",
        gt=0,
        description="How long it stays in place; until load ends if not given.",
    )
    flap: Flap | None = Field(default=None, description="Inject and heal it repeatedly.")

    @property
    def label(self) -> str:
        """The step's name, else its fault type."""
        return self.name or self.fault


class Call(Model):
    """One HTTP request to a service, direct and not via a link, as an operator on site makes it."""

    service: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = Field(pattern="^/")
    body: JsonValue = Field(default=None, alias="json")
    expect: int = Field(
        default=200,
        description="Expected status; any status of the same class (2xx, 4xx, ...) is accepted.",
    )


class CallStep(_Step):
    """Make an operator's call once and record its answer."""

    call: Call = Field(description="The request.")

    @property
    def label(self) -> str:
        """The step's name, else the method and path of its call."""
        return self.name or f"{self.call.method} {self.call.service}{self.call.path}"


def _step_type(step: object) -> str:
    """Return `call` or `fault`, so that errors are those of one step type and not of both."""
    if isinstance(step, dict):
        return "call" if "call" in step and "fault" not in step else "fault"
    return "call" if isinstance(step, CallStep) else "fault"


Step = Annotated[
    Annotated[FaultStep, Tag("fault")] | Annotated[CallStep, Tag("call")], Discriminator(_step_type)
]
