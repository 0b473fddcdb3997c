"""Lanes, and whether they may be used."""

import math
from collections.abc import Sequence

from services.kit import ApiError, Desks, Mode, Upstream, World


class Gate:
    """The lanes of one airport and the two upstreams that they cannot do without."""

    def __init__(self, world: World, upstreams: Sequence[Upstream]) -> None:
        self._clock = world.clock
        self._log = world.log
        self._upstreams = upstreams
        self._lanes = world.number("LANES", 3)
        self._counter = world.env["COUNTER"]
        self.lanes = Desks(self._lanes)
        self.mode = Mode(world.log)
        self.share = 1.0
        """What the command centre permits; 0 once the gate had to close."""
        self._why = ""
        self.diverted = 0

    @property
    def reason(self) -> str:
        """Why not all lanes are open; empty if they are."""
        blind = self._blind()
        if self.share > 0:
            return blind or self.mode.reason
        waits = blind or "watchlist and border answer; the command centre has not permitted it yet"
        return f"{self._why}; {waits}" if waits not in self._why else self._why

    def reassess(self) -> None:
        """Close if the data center is away."""
        blind = self._blind()
        if self.share > 0 and blind and not any(up.is_starting for up in self._upstreams):
            self.close(blind)

    def close(self, reason: str) -> None:
        """Close all lanes until they are permitted again."""
        self.share = 0.0
        self._why = reason
        self.lanes.resize(0)
        self.mode.become("manual", reason)

    def permit(self, share: float, reason: str) -> None:
        """Open a share of the lanes, rounded up, or close them all.

        Raises:
            ApiError: the data center is not there; the permission is not kept for later.
        """
        if share == 0:
            self.close(reason or "closed by the command centre")
            return
        if blind := self._blind():
            wait = self._clock.with_floor(60)
            raise ApiError(503, "blind", f"the gate cannot open: {blind}", retry_after=wait)
        self.share = share
        self.lanes.resize(math.ceil(share * self._lanes))
        said = f": {reason}" if reason else ""
        if share < 1:
            self.mode.become("mixed", f"{self.lanes.size} of {self._lanes} lanes permitted{said}")
        else:
            self.mode.become("automatic", f"all lanes permitted{said}")

    def diversion(self, reason: str = "") -> ApiError:
        """What a traveller is told whom no lane can serve."""
        self.diverted += 1
        return ApiError(503, "closed", reason or self.reason, go_to=self._counter)

    def _blind(self) -> str:
        down = [up for up in self._upstreams if up.state not in ("open", "share")]
        return down[0].reason if down else ""
