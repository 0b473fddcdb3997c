"""Reserve ports for as long as the stack runs, also while their service is down.

A reserved port is bound, but not listened on. The kernel then gives it neither to another stack nor
to an outgoing connection, and refuses connections to it; a service that sets SO_REUSEADDR, as
servers do, can bind it any number of times. All are outside the range of outgoing connections.
"""

import os
import socket
from pathlib import Path

from harness.errors import StackError

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 10_000, 65_535


class Ports:
    """The reserved ports of a stack."""

    def __init__(self) -> None:
        self._sockets: dict[int, socket.socket] = {}
        low, high = _ephemeral_range()
        outside = [*range(_LOWEST, low), *range(high + 1, _HIGHEST + 1)]
        candidates = outside or list(range(_LOWEST, _HIGHEST + 1))
        start = os.getpid() * 67 % len(candidates)  # two stacks rarely search the same ports
        self._candidates = iter(candidates[start:] + candidates[:start])

    def reserve(self, count: int) -> tuple[int, ...]:
        """Reserve `count` more ports and return them.

        Raises:
            StackError: not enough ports are free.
        """
        found: list[int] = []
        for port in self._candidates:
            if len(found) == count:
                break
            holder = socket.socket()
            try:
                # It fails if any other socket is bound to the port, so there is no race.
                holder.bind(("127.0.0.1", port))
            except OSError:
                holder.close()
                continue
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._sockets[port] = holder
            found.append(port)
        if len(found) < count:
            raise StackError(f"only {len(found)} of {count} ports are free; stop other stacks")
        return tuple(found)

    def release(self, port: int) -> None:
        """Release `port` for a server that may not set SO_REUSEADDR, until `reserve_again`."""
        if holder := self._sockets.pop(port, None):
            holder.close()

    def reserve_again(self, port: int) -> None:
        """Reserve `port` again; no-op if another process has it, which the service will report."""
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            holder.close()
        else:
            self._sockets[port] = holder


def _ephemeral_range() -> tuple[int, int]:
    try:
        low, high = map(int, _RANGE.read_text().split())
    except (OSError, ValueError):
        return 32_768, 60_999
    return low, high
