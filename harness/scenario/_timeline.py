"""What happens, and when: the `timeline` of a scenario.

A step starts at a time (`at`), after another step has ended (`after`), or when something is seen
in the history (`when`); `delay` is added to any of them. It does one thing: a fault, or a call
that an operator makes.
"""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, JsonValue, Tag, model_validator

from ._duration import Duration
from ._model import Model


class When(Model):
    """Something seen in the history: an event kind, whose service it is, and what it says."""

    event: str = Field(
        description="`mode`, `stage`, `notice`, `gauge`, or a service's own event; no request's."
    )
    service: str | None = None
    where: dict[str, JsonValue] = Field(default_factory=dict, description="Fields that must equal.")
    at_least: dict[str, float] = Field(
        default_factory=dict, description="Numeric fields, each at least this."
    )
    at_most: dict[str, float] = Field(
        default_factory=dict, description="Numeric fields, each at most this."
    )
    within: Duration = Field(description="Not seen by then (since run start): run inconclusive.")

    @model_validator(mode="after")
    def _waitable(self) -> "When":
        if self.event in ("invoke", "ok", "fail", "unknown", "generator"):
            raise ValueError("a trigger waits for what services say or what is done to them, not "
                             f"for {self.event!r}; name one of their events")  # fmt: skip
        return self


class Target(Model):
    """What a fault is put on; exactly one key. Names are checked against the stack."""

    link: str | tuple[str, ...] | None = Field(default=None, description="Links, by name.")
    to: str | None = Field(default=None, description="Every link into this service.")
    from_: str | None = Field(default=None, alias="from", description="Every link out of it.")
    service: str | tuple[str, ...] | None = Field(default=None, description="Nodes, by name.")
    site: str | None = Field(default=None, description="A whole site as one unit.")

    @model_validator(mode="after")
    def _one(self) -> "Target":
        given = (self.link, self.to, self.from_, self.service, self.site)
        if sum(name is not None for name in given) != 1:
            raise ValueError("name exactly one of link, to, from, service, site")
        return self


class Flap(Model):
    """On and off again, for as long as the step lasts."""

    on: Duration = Field(gt=0)
    off: Duration = Field(gt=0)


class _Step(Model):
    name: str | None = Field(default=None, description="For `after` and for the report.")
    at: Duration | None = Field(default=None, description="Time since the run began.")
    after: str | None = Field(default=None, description="The step whose end this one awaits.")
    when: When | None = None
    delay: Duration = 0.0

    @model_validator(mode="after")
    def _one_trigger(self) -> "_Step":
        if sum(trigger is not None for trigger in (self.at, self.after, self.when)) != 1:
            raise ValueError("a step starts by exactly one of at, after, when")
        return self


class FaultStep(_Step):
    """Inject a fault, verify that it bites, and after `for` take it back and verify that too."""

    fault: str = Field(description="The kind: cut, blackhole, delay, kill, ...")
    on: Target
    params: dict[str, JsonValue] = Field(
        default_factory=dict, alias="with", description="What the fault's own model takes."
    )
    for_: Duration | None = Field(
        default=None, alias="for", gt=0, description="How long; without it, until load ends."
    )
    flap: Flap | None = None

    @property
    def label(self) -> str:
        """The step's name, else its fault kind."""
        return self.name or self.fault


class Call(Model):
    """One HTTP request to a service, past every link, as an operator on the spot would make it."""

    service: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = Field(pattern="^/")
    body: JsonValue = Field(default=None, alias="json")
    expect: int = Field(default=200, description="Any status of the same hundred is fine.")


class CallStep(_Step):
    """An operator's call, made once and recorded."""

    call: Call

    @property
    def label(self) -> str:
        """The step's name, else what is called."""
        return self.name or f"{self.call.method} {self.call.service}{self.call.path}"


def _kind(step: object) -> str:
    """`call` if that is what the step does, else `fault`, so that errors speak of one kind."""
    if isinstance(step, dict):
        return "call" if "call" in step and "fault" not in step else "fault"
    return "call" if isinstance(step, CallStep) else "fault"


Step = Annotated[
    Annotated[FaultStep, Tag("fault")] | Annotated[CallStep, Tag("call")], Discriminator(_kind)
]
