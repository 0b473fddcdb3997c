"""Limit: a connection is closed after a number of bytes, so that answers are truncated."""

from pydantic import Field

from harness.chaos._fault_type import LinkFault
from harness.chaos._probe import Results
from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos._timing import Timing
from harness.chaos._toxic import Toxic

_MAX_REQUESTS = 200
"""Requests that a probe sends at most to get an answer longer than the limit."""


class Limit(LinkFault, name="limit"):
    """Close each connection when `bytes` bytes of answers have passed."""

    bytes: int = Field(ge=0)

    def toxics(self, timing: Timing) -> tuple[Toxic, ...]:
        """Return a `limit_data` toxic on answers."""
        del timing
        return (Toxic("limit_data", "downstream", {"bytes": self.bytes}),)

    def probe_options(self, timing: Timing) -> ProbeOptions:
        """Return options with enough requests to exceed the limit at 100 bytes per answer."""
        del timing
        requests = min(self.bytes // 100 + 1, _MAX_REQUESTS)
        return ProbeOptions(timeout=2.0, read_all=True, requests=requests)

    def expected_result(self, timing: Timing) -> str:
        """Return after how many bytes answers are truncated."""
        del timing
        return f"cut short after {self.bytes} bytes"

    def shows_in(self, timing: Timing, via_link: Results, direct: Results) -> bool:
        """Return True if exactly `bytes` came via the link and more came directly."""
        del timing
        return all(
            result.size == self.bytes and result.outcome in ("answered", "closed", "reset")
            for result in via_link
        ) and all(result.size > self.bytes for result in direct)
