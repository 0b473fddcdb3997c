"""One toxic, as Toxiproxy's API takes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Stream = Literal["upstream", "downstream"]


@dataclass(frozen=True)
class Toxic:
    """A toxic on one direction of a link; attributes are integers in the API's own units."""

    type: str
    stream: Stream
    attributes: Mapping[str, int]


def both_streams(type_: str, attributes: Mapping[str, int]) -> tuple[Toxic, ...]:
    """Return the same toxic for requests (upstream) and for responses (downstream)."""
    return Toxic(type_, "upstream", attributes), Toxic(type_, "downstream", attributes)
