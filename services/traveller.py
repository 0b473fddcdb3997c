"""Somebody who stands before a gate or an officer: what they show, and what it says about them."""

import msgspec

from services.kit import World
from services.mrz import Mrz, parse


class Visa(msgspec.Struct, frozen=True):
    """What is glued into a foreigner's passport, beside what machines read."""

    number: str
    days: int


class TravellerRequest(msgspec.Struct, frozen=True):
    """The body of `POST /travellers`."""

    crossing: str
    """Which crossing this is; the same again is the same traveller asking again."""
    mrz: tuple[str, ...]
    flight: str
    direction: str
    visa: Visa | None = None


class Traveller(msgspec.Struct, frozen=True):
    """A traveller whose document was read."""

    request: TravellerRequest
    mrz: Mrz

    @property
    def document(self) -> str:
        """The number of the document."""
        return self.mrz.document

    def crossing(self, airport: str, channel: str, recorded_at: float) -> dict[str, object]:
        """The crossing as `border` takes it."""
        return {
            "id": self.request.crossing,
            "document": self.mrz.document,
            "nationality": self.mrz.nationality,
            "airport": airport,
            "flight": self.request.flight,
            "direction": self.request.direction,
            "channel": channel,
            "recorded_at": recorded_at,
        }


def read_document(asked: TravellerRequest) -> Traveller:
    """Read the document.

    Raises:
        MrzError: it cannot be read.
    """
    return Traveller(asked, parse(asked.mrz))


def airport(world: World) -> str:
    """The airport that a service is at: `cgk` for `counter-cgk`."""
    return world.name.partition("-")[2] or world.name
