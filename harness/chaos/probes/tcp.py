"""Any other TCP server: Redis answers PONG, most others an error or a close, some nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.chaos._probe_protocol import ProbeOptions


@dataclass(frozen=True)
class TcpProtocol:
    """Connect and send `PING` and a line end."""

    may_be_silent: bool = True

    def exchanges(self, address: str, options: ProbeOptions) -> Sequence[bytes]:
        """Return the one message, padded with spaces."""
        del address
        return [b"PING" + b" " * options.padding + b"\r\n"]

    def proves_alive(self, outcome: str) -> bool:
        """Return True if the port accepted a connection, with or without an answer."""
        return outcome in ("answered", "closed", "silent")
