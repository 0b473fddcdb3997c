"""Gates that open when they should not, and one that stays shut."""

from services.autogate import create
from services.autogate._gate import Gate
from services.autogate._passage import Lanes, Passage
from services.kit import ApiError
from services.traveller import TravellerRequest

from . import planted

_decide = Lanes._decide


async def _wave_through(self: Lanes, asked: TravellerRequest) -> Passage:
    try:
        return await _decide(self, asked)
    except ApiError:
        return Passage("admitted", "autogate")


def _close_nothing(self: Gate, reason: str) -> None:
    self.share = 0.0
    self.mode.become("manual", reason)


opens_blind = planted(create, (Lanes, "_decide", _wave_through), (Gate, "close", _close_nothing))
"""Takes no answer for a yes."""


def _permit_in_words(self: Gate, share: float, reason: str) -> None:
    if share == 0:
        self.close(reason)
        return
    self.share = share
    self.mode.become("automatic", reason)


stays_shut = planted(create, (Gate, "permit", _permit_in_words))
"""Says that it is open again, and opens no lane."""
