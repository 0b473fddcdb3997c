"""The `load` block of a scenario: which users arrive, and for how long."""

from pydantic import Field, JsonValue

from ._duration import Duration
from ._model import Model


class Load(Model):
    """Open load: users arrive on a schedule that a journeys module draws from the seed."""

    journeys: str = Field(
        description="Python module with `arrivals(params, random, duration)` and `JOURNEYS`.",
        pattern=r"^[A-Za-z_][\w.]*$",
    )
    duration: Duration = Field(description="How long users keep arriving.")
    params: dict[str, JsonValue] = Field(
        default_factory=dict, description="Passed to `arrivals` unchanged."
    )
