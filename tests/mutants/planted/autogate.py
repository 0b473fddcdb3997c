"""Autogates that admit without an answer, and autogates that stay closed."""

from services.autogate import create
from services.autogate._gate import Gate
from services.autogate._lanes import Lanes, Passage
from services.kit import ApiError
from services.traveller import TravellerRequest

from . import planted

_decide = Lanes._decide


async def _admit_on_error(self: Lanes, asked: TravellerRequest) -> Passage:
    try:
        return await _decide(self, asked)
    except ApiError:
        return Passage("admitted", "autogate")


def _close_no_lane(self: Gate, reason: str) -> None:
    self.share = 0.0
    self.mode.become("manual", reason)


opens_blind = planted(create, (Lanes, "_decide", _admit_on_error), (Gate, "close", _close_no_lane))
"""Admits travellers when the data center does not answer."""


def _permit_without_lanes(self: Gate, share: float, reason: str) -> None:
    if share == 0:
        self.close(reason)
        return
    self.share = share
    self.mode.become("automatic", reason)


stays_shut = planted(create, (Gate, "permit", _permit_without_lanes))
"""Reports that it is open again, and opens no lane."""
