"""How a probe talks to a service: what it sends, and which outcomes prove the service alive.

`harness.chaos.probes` has one implementation of `ProbeProtocol` per file. Each costs the service
next to nothing and changes nothing in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

SILENCE_TIMEOUT = 0.4
"""Wall-clock seconds after which a probe that expects silence gives up. A service on loopback
answers its health path within a few milliseconds, tens on a busy machine. The direct probe, which
bypasses the link, tells a slow service from a lost answer."""


@dataclass(frozen=True)
class ProbeOptions:
    """Options of one probe."""

    timeout: float = 1.0
    """Wall-clock seconds without an answer after which the outcome is `silent`."""
    padding: int = 0
    """Bytes by which the request is made longer."""
    requests: int = 1
    """Number of requests on one connection, for responses that are longer than one."""
    read_all: bool = False
    """True to read the whole response, False to stop after its beginning."""
    until_close: bool = False
    """True to ask the server to close the connection, and to time the close."""


class ProbeProtocol(Protocol):
    """One application protocol that probes can use."""

    @property
    def may_be_silent(self) -> bool:
        """True if a healthy server may send nothing at all in answer to a probe."""

    def exchanges(self, address: str, options: ProbeOptions) -> Sequence[bytes]:
        """Return the messages to send; the probe waits for an answer after each of them."""

    def proves_alive(self, outcome: str) -> bool:
        """Return True if a direct probe with this outcome proves that the service is running."""
