"""Who arrives: the `load` block of a scenario."""

from pydantic import Field, JsonValue

from ._duration import Duration
from ._model import Model


class Load(Model):
    """Open arrivals, drawn from the seed by a journeys module of the system under test."""

    journeys: str = Field(
        description="Python module with `arrivals(params, random, duration)` and `JOURNEYS`.",
        pattern=r"^[A-Za-z_][\w.]*$",
    )
    duration: Duration = Field(description="How long people keep arriving.")
    params: dict[str, JsonValue] = Field(
        default_factory=dict, description="Given to `arrivals` as they stand."
    )
