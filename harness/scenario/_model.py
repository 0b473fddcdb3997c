"""The base of everything that people write: strict, frozen, no unknown keys."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A written record; a misspelt key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
