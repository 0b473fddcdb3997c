"""Pydantic models of `x-harness:` blocks: `StackBlock` of a file, `ServiceBlock` of a service."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.scenario import Size

from ._problems import Key, Problems

Port = Annotated[int, Field(ge=1, le=65535)]
HttpPath = Annotated[str, Field(pattern="^/")]

_SMALLEST_DISK = 64 * 1024
"""Bytes."""
_MODULE = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LinkBlock(_Block):
    """One link, such as `{from: shop, to: database, listen: 21001}`."""

    caller: str = Field(alias="from", description="The service that calls.")
    target: str = Field(alias="to", description="The service that is called.")
    listen: Port = Field(description="The proxy's port in the Compose network.")


class StackBlock(_Block):
    """The `x-harness:` block at the top level of the file."""

    toxiproxy: str = Field(default="toxiproxy", description="The service that runs Toxiproxy.")
    experiments: str = Field(default="experiments", description="The directory of the scenarios.")
    checks: tuple[Annotated[str, Field(pattern=f"^{_MODULE}$")], ...] = Field(
        default=(), description="Modules to import for this system's own checks."
    )
    links: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")], LinkBlock] = Field(
        default_factory=dict, description="The links: which service calls which."
    )


class ServiceBlock(_Block):
    """The `x-harness:` block of one service: its site, and how it is run without Docker."""

    site: str = Field(min_length=1, description="The site: services of a site fail together.")
    app: str | None = Field(
        default=None, pattern=rf"^{_MODULE}:{_MODULE}$", description="An ASGI factory."
    )
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    postgres: bool = False
    port: Port | None = None
    health: HttpPath | None = None
    reads: dict[str, HttpPath] = Field(default_factory=dict)
    quiescent: HttpPath | None = None
    disk: Annotated[Size, Field(ge=_SMALLEST_DISK)] | None = Field(
        default=None, description="The size of each of its volumes in containers, such as 16MB."
    )

    @model_validator(mode="after")
    def _one_way_to_run(self) -> "ServiceBlock":
        given = (self.app is not None) + (self.command is not None) + self.postgres
        if given != 1:
            raise ValueError(
                "must have exactly one of app, command and postgres: true; add or remove"
            )
        return self


B = TypeVar("B", bound=_Block)

_CURES = {
    "app": "must be `module:factory`, such as shop.api:app",
    "checks": "must be a dotted module name, such as experiments.checks",
    "command": 'must be a list of arguments, such as ["node", "pay.js"]',
    "disk": "must be a size of at least 64KB, such as 16MB",
    "from": "must be the name of a service",
    "health": "must be an HTTP path that starts with /",
    "links": "must be a mapping of names (letters, digits, - _ .) to {from, to, listen}",
    "listen": "must be a port, 1 to 65535",
    "port": "must be a port, 1 to 65535",
    "quiescent": "must be an HTTP path that starts with /",
    "reads": "must map names to HTTP paths that start with /",
    "site": "must be a name",
    "to": "must be the name of a service",
}


def read_block(kind: type[B], value: object, problems: Problems, at: Key) -> B | None:
    """Validate `value` as a `kind` of block; if it is invalid, add the problems and return None."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        for problem in error.errors():
            key = tuple(part for part in problem["loc"] if part != "[key]")
            problems.add((*at, *key), _problem_text(kind, problem["type"], key, problem["msg"]))
        return None


def _problem_text(kind: type[_Block], error_type: str, key: Key, message: str) -> str:
    """Return the text for one pydantic error, with the cure for its key."""
    name = next((str(part) for part in reversed(key) if str(part) in _CURES), "")
    if error_type == "extra_forbidden":
        owner = LinkBlock if len(key) > 1 and key[0] == "links" else kind
        known = ", ".join(field.alias or name for name, field in owner.model_fields.items())
        return f"unknown key; the known keys are {known}"
    if error_type == "missing":
        return f"is missing; it {_CURES[name]}" if name else "is missing; add it"
    if error_type == "value_error" or not name:
        return message.removeprefix("Value error, ")
    return _CURES[name]
