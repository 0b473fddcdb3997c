"""PostgreSQL: the SSLRequest, which a server answers with one byte before any login."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos._timing import MAX_PADDING


@dataclass(frozen=True)
class PostgresProtocol:
    """SSLRequest, answered by `S` or `N`; a padded probe sends a start-up message after it."""

    user: str = "postgres"
    may_be_silent: bool = False

    def exchanges(self, address: str, options: ProbeOptions) -> Sequence[bytes]:
        """Return the SSLRequest, then a padded start-up message or one that ends the connection."""
        del address
        messages = [struct.pack("!ii", 8, 80877103)]
        if options.padding:
            name = "x" * min(options.padding, MAX_PADDING)
            text = f"user\0{self.user}\0application_name\0{name}\0\0".encode()
            messages.append(struct.pack("!ii", len(text) + 8, 196608) + text)
        elif options.until_close:
            # A CancelRequest for process 0 cancels nothing; the server then closes.
            messages.append(struct.pack("!iiii", 16, 80877102, 0, 0))
        return messages

    def proves_alive(self, outcome: str) -> bool:
        """Return True for `answered`: PostgreSQL answers every SSLRequest."""
        return outcome == "answered"
