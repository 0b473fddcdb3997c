"""Blackhole: connections open, and no data passes in either direction."""

from harness.chaos._timing import Timing
from harness.chaos._toxic import Toxic, both_streams

from ._silent_link import SilentLinkFault


class Blackhole(SilentLinkFault, name="blackhole"):
    """Discard requests and answers; callers wait until their own time-outs."""

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return `timeout` toxics on both streams; 0 means that the connection stays open."""
        del timing
        return both_streams("timeout", {"timeout": 0})
