"""The base class of everything that users write: strict, frozen, no unknown keys."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A record of a user's file. An unknown key is an error, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
