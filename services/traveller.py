"""A traveller at a gate or a counter: the request, and the data read from the document."""

import msgspec

from services.kit import World
from services.mrz import Mrz, parse


class Visa(msgspec.Struct, frozen=True):
    """The visa in a foreigner's passport, which is not part of the machine-readable zone."""

    number: str
    days: int


class TravellerRequest(msgspec.Struct, frozen=True):
    """The body of `POST /travellers`."""

    crossing: str
    """The id of the crossing; a request with the same id is a retry by the same traveller."""
    mrz: tuple[str, ...]
    flight: str
    direction: str
    visa: Visa | None = None


class Traveller(msgspec.Struct, frozen=True):
    """A traveller whose document has been read."""

    request: TravellerRequest
    mrz: Mrz

    @property
    def document(self) -> str:
        """The document's number."""
        return self.mrz.document

    def crossing(self, airport: str, channel: str, recorded_at: float) -> dict[str, object]:
        """Return the body of `POST /crossings` of the border service."""
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


def read_document(request: TravellerRequest) -> Traveller:
    """Read the machine-readable zone of the traveller's document.

    Raises:
        MrzError: The zone is not valid.
    """
    return Traveller(request, parse(request.mrz))


def airport(world: World) -> str:
    """Return the airport of a service from its name: `cgk` for `counter-cgk`."""
    return world.name.partition("-")[2] or world.name
