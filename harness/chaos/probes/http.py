"""HTTP: GET on the service's health path."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos._timing import MAX_PADDING


@dataclass(frozen=True)
class HttpProtocol:
    """GET `path`. Any response counts: the probe tests the link, not the service's health."""

    path: str
    may_be_silent: bool = False

    def exchanges(self, address: str, options: ProbeOptions) -> Sequence[bytes]:
        """Return one message; with `options.requests` above 1 it holds several requests.

        The connection is kept alive, as callers keep theirs. If the server closed it, a caller
        behind a link that loses responses would see a closed connection instead of silence.
        """
        head = f"GET {self.path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: harness-probe\r\n"
        # Two headers, because servers limit a single one to 8 KB.
        half = "x" * (min(options.padding, MAX_PADDING) // 2)
        padding = f"X-Pad-1: {half}\r\nX-Pad-2: {half}\r\n" if options.padding else ""
        earlier = f"{head}{padding}\r\n" * (options.requests - 1)
        close = "Connection: close\r\n" if options.read_all or options.until_close else ""
        return [f"{earlier}{head}{padding}{close}\r\n".encode()]

    def proves_alive(self, outcome: str) -> bool:
        """Return True for `answered`: an HTTP server answers every request."""
        return outcome == "answered"
