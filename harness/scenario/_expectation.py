"""What the run is expected to show: `check` by name, with the check's own parameters.

Written as `- no_storm`, or `- no_storm: {per_request: 4}`; a second use of the same check gets a
`name` of its own: `- exactly_once: {...}` then `- {check: exactly_once, name: ..., params: ...}`.
"""

from typing import Any

from pydantic import Field, JsonValue, model_validator

from ._model import Model

_KEYS = {"check", "name", "params"}


class Expectation(Model):
    """One check of one scenario; one pytest item, one line of the verdict table."""

    check: str
    name: str = ""
    params: dict[str, JsonValue] = Field(default_factory=dict)

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
