"""Ports that are the stack's alone for as long as it lives, also while their service is down.

Each is bound, not listened on: the kernel then neither gives it to another stack's search nor to
an outgoing connection, connects to it are refused, and a service that sets SO_REUSEADDR, as
servers do, can bind it again and again. They lie outside the range of outgoing connections.
"""

import os
import socket
from pathlib import Path

from harness.errors import StackError

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 10_000, 65_535


class Ports:
    """The ports that were reserved."""

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}
        low, high = _ephemeral()
        outside = [*range(_LOWEST, low), *range(high + 1, _HIGHEST + 1)]
        candidates = outside or list(range(_LOWEST, _HIGHEST + 1))
        start = os.getpid() * 67 % len(candidates)  # two stacks rarely search the same stretch
        self._candidates = iter(candidates[start:] + candidates[:start])

    def reserve(self, count: int) -> tuple[int, ...]:
        """`count` more ports.

        Raises:
            StackError: every port is taken.
        """
        found: list[int] = []
        for port in self._candidates:
            if len(found) == count:
                break
            holder = socket.socket()
            try:
                holder.bind(("127.0.0.1", port))  # fails beside any other holder: no race
            except OSError:
                holder.close()
                continue
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._held[port] = holder
            found.append(port)
        if len(found) < count:
            raise StackError(f"only {len(found)} of {count} ports are free; end other stacks")
        return tuple(found)

    def lend(self, port: int) -> None:
        """Let go of `port` for a server that may not set SO_REUSEADDR, until `take_back`."""
        if holder := self._held.pop(port, None):
            holder.close()

    def take_back(self, port: int) -> None:
        """Hold `port` again; if somebody else was faster the service will say so itself."""
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            holder.close()
        else:
            self._held[port] = holder


def _ephemeral() -> tuple[int, int]:
    try:
        low, high = map(int, _RANGE.read_text().split())
    except (OSError, ValueError):
        return 32_768, 60_999
    return low, high
