"""One toxic, as a fault asks for it and as Toxiproxy's API takes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Stream = Literal["upstream", "downstream"]


@dataclass(frozen=True)
class Toxic:
    """A change to one direction of a link; attributes are integers in the API's own units."""

    type: str
    stream: Stream
    attributes: Mapping[str, int]


def both_ways(type_: str, attributes: Mapping[str, int]) -> tuple[Toxic, ...]:
    """The same toxic on requests and on answers."""
    return Toxic(type_, "upstream", attributes), Toxic(type_, "downstream", attributes)
