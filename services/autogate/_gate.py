"""Decides how many lanes of an airport's autogates are open."""

import math
from collections.abc import Sequence

from services.kit import ApiError, Desks, Mode, Upstream, World


class Gate:
    """The lanes of one airport, and the two upstreams that they depend on."""

    def __init__(self, world: World, upstreams: Sequence[Upstream]) -> None:
        self._clock = world.clock
        self._upstreams = upstreams
        self._lanes = world.number("LANES", 3)
        self._counter = world.env["COUNTER"]
        self.lanes = Desks(self._lanes)
        self.mode = Mode(world.log)
        self.share = 1.0
        """The share of lanes that the command centre permits; 0 once the gate had to close."""
        self._close_reason = ""
        self.diverted = 0
        """Number of travellers sent to the counters."""

    @property
    def reason(self) -> str:
        """Why not all lanes are open; empty if they are."""
        outage = self._outage_reason()
        if self.share > 0:
            return outage or self.mode.reason
        waiting = (
            outage or "watchlist and border answer; the command centre has not permitted lanes yet"
        )
        if waiting in self._close_reason:
            return self._close_reason
        return f"{self._close_reason}; {waiting}"

    def reassess(self) -> None:
        """Close all lanes if an upstream is down and the system is not just starting."""
        outage = self._outage_reason()
        if self.share > 0 and outage and not any(up.is_starting for up in self._upstreams):
            self.close(outage)

    def close(self, reason: str) -> None:
        """Close all lanes until they are permitted again."""
        self.share = 0.0
        self._close_reason = reason
        self.lanes.resize(0)
        self.mode.become("manual", reason)

    def permit(self, share: float, reason: str) -> None:
        """Open a share of the lanes, rounded up, or close them all.

        Raises:
            ApiError: An upstream is down. The permission is refused, not kept for later.
        """
        if share == 0:
            self.close(reason or "closed by the command centre")
            return
        if outage := self._outage_reason():
            wait = self._clock.with_floor(60)
            raise ApiError(503, "blind", f"the gate cannot open: {outage}", retry_after=wait)
        self.share = share
        self.lanes.resize(math.ceil(share * self._lanes))
        suffix = f": {reason}" if reason else ""
        if share < 1:
            self.mode.become("mixed", f"{self.lanes.size} of {self._lanes} lanes permitted{suffix}")
        else:
            self.mode.become("automatic", f"all lanes permitted{suffix}")

    def divert(self, reason: str = "") -> ApiError:
        """Count a traveller whom no lane can serve, and return the answer to them."""
        self.diverted += 1
        return ApiError(503, "closed", reason or self.reason, go_to=self._counter)

    def _outage_reason(self) -> str:
        down = [up for up in self._upstreams if up.state not in ("open", "share")]
        return down[0].reason if down else ""
