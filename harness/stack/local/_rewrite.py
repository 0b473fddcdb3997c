"""What a container's environment means on loopback.

In the Compose network a service reaches `toxiproxy:21001` and keeps its files under `/data`; here
the same proxy listens on some port of 127.0.0.1 and the volume is a directory somewhere else.
Values are rewritten in place, so that a service needs no second configuration:

    toxiproxy:LISTEN of a link     127.0.0.1 and the port of that link's proxy
    its own NAME:PORT, 0.0.0.0:PORT, localhost:PORT, :PORT     127.0.0.1 and its own port
    PORT alone, if the variable's name says PORT, or in a command's arguments     its own port
    /volume/inside, /volume/inside/file     the volume's directory, the file in it
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_OWN_HOSTS = r"0\.0\.0\.0|127\.0\.0\.1|localhost|\[::\]|\*"


@dataclass(frozen=True)
class Rewriter:
    """How the values of one service are rewritten."""

    service: str
    addresses: Mapping[str, str]
    """`host:port` in the Compose network -> `host:port` here."""
    paths: Mapping[str, Path]
    """Path inside -> path here."""
    inside_port: int | None = None
    port: int | None = None

    def variable(self, name: str, value: str) -> str:
        """The value of variable `name`."""
        if "PORT" in name.upper() and value == str(self.inside_port):
            return str(self.port)
        return self._text(value)

    def argument(self, value: str) -> str:
        """One word of a command."""
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
            # At the start, or after what may precede a path: file:///data, a:/data, --x=/data.
            path = rf"(?:^|(?<=//)|(?<=[:=,]))(?<![\w])(?<!:/){re.escape(inside)}(?![\w.-])"
            value = re.sub(path, str(self.paths[inside]).replace("\\", r"\\"), value)
        return value
