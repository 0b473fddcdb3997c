"""One expectation of a scenario: the name of a check, with its parameters.

    expect:
      - quiesced                                        # no parameters
      - no_storm: {tenants: database, per_request: 4}   # check: parameters
      - {check: no_storm, name: storm_at_provider, params: {tenants: provider, per_request: 2}}

The long form gives a name, which a second use of the same check needs.
"""

from typing import Any

from pydantic import Field, JsonValue, model_validator

from ._model import Model

_KEYS = {"check", "name", "params"}


class Expectation(Model):
    """A check with its parameters; becomes one pytest item and one verdict."""

    check: str = Field(description="Name of the check.")
    name: str = Field(default="", description="Name of the verdict; the check's if not given.")
    params: dict[str, JsonValue] = Field(
        default_factory=dict, description="Parameters of the check."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"check": value}
        elif isinstance(value, dict) and len(value) == 1 and not _KEYS & value.keys():
            (check, params) = next(iter(value.items()))
            value = {"check": check, "params": {} if params is None else params}
        if isinstance(value, dict) and isinstance(value.get("check"), str):
            value = {"name": value["check"], **value}
        return value
