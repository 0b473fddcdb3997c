"""Rewrite the environment and arguments of a service from the Compose network to loopback.

In the Compose network a service calls `toxiproxy:21001` and keeps its files under `/data`. On
loopback the same proxy listens on a reserved port of 127.0.0.1, and the volume is a directory in
the state directory. Values are rewritten, so that a service needs no second configuration:

    toxiproxy:LISTEN of a link -> 127.0.0.1 and the port of that link's proxy
    its own NAME:PORT, 0.0.0.0:PORT, localhost:PORT, :PORT -> 127.0.0.1 and its own port
    PORT alone, in a variable with PORT in its name, or in an argument -> its own port
    /mount/path, /mount/path/file -> the directory of the volume, the file in it
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_OWN_HOSTS = r"0\.0\.0\.0|127\.0\.0\.1|localhost|\[::\]|\*"


@dataclass(frozen=True)
class Rewriter:
    """Rewrites the values of one service."""

    service: str
    addresses: Mapping[str, str]
    """`host:port` in the Compose network -> `host:port` on loopback."""
    paths: Mapping[str, Path]
    """Mount path -> path on this machine."""
    inside_port: int | None = None
    """Its port in the Compose network; None if it has none."""
    port: int | None = None
    """Its port on loopback; None if it has none."""

    def variable(self, name: str, value: str) -> str:
        """Return the value of the environment variable `name`, rewritten."""
        if "PORT" in name.upper() and value == str(self.inside_port):
            return str(self.port)
        return self._text(value)

    def argument(self, value: str) -> str:
        """Return one argument of a command, rewritten."""
        flag, sign, last = value.rpartition("=")
        if self.port is not None and last == str(self.inside_port):
            return f"{flag}{sign}{self.port}"
        return self._text(value)

    def _text(self, value: str) -> str:
        for inside, here in self.addresses.items():
            value = re.sub(rf"(?<![\w.-]){re.escape(inside)}(?!\d)", here, value)
        if self.port is not None:
            own = rf"(?<![\w.-])(?:{_OWN_HOSTS}|{re.escape(self.service)}):{self.inside_port}(?!\d)"
            value = re.sub(own, f"127.0.0.1:{self.port}", value)
            value = re.sub(rf"^:{self.inside_port}$", f"127.0.0.1:{self.port}", value)
        for inside in sorted(self.paths, key=len, reverse=True):
            # At the start, or after a separator: file:///data, a:/data, --x=/data.
            path = rf"(?:^|(?<=//)|(?<=[:=,]))(?<![\w])(?<!:/){re.escape(inside)}(?![\w.-])"
            value = re.sub(path, str(self.paths[inside]).replace("\\", r"\\"), value)
        return value
