"""Probe one address: what a caller would observe there now.

Probes use plain sockets because the difference between refused, closed, reset and silent is what
tells fault types apart, and HTTP clients blur it. A probe never raises; every failure is an
outcome.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.clock import WALL_CLOCK, Clock

from ._probe_protocol import ProbeOptions, ProbeProtocol

Outcome = Literal["refused", "unreachable", "silent", "closed", "reset", "answered"]

_CONNECT_TIMEOUT = 2.0
"""Wall-clock seconds for a connect; on loopback and on a bridge it takes microseconds."""

_END_OF_ANSWER = 0.25
"""Wall-clock seconds without data after which an answer that has begun counts as complete."""


@dataclass(frozen=True)
class ProbeResult:
    """What one probe observed.

    `refused`: no process listens. `unreachable`: no connection for another reason. `silent`:
    connected, and neither data nor an end of the connection came. `closed`, `reset`: the
    connection ended before any answer. `answered`: data came.
    """

    outcome: Outcome
    response_time: float
    """Seconds from the request to the first byte of its answer, or else to the outcome."""
    total_time: float
    """Seconds from the request to the last byte, or to the close with `until_close`."""
    size: int = 0
    """Bytes received of the answer."""
    connection: Literal["open", "closed", "reset"] = "open"
    """State of the connection at the end of the probe."""

    def __str__(self) -> str:
        if self.outcome == "answered":
            reset = ", then reset" if self.connection == "reset" else ""
            return f"answered in {self.response_time * 1000:.0f} ms ({self.size} bytes{reset})"
        if self.outcome in ("silent", "closed", "reset"):
            return f"{self.outcome} after {self.response_time * 1000:.0f} ms"
        return self.outcome


Results: TypeAlias = Sequence[ProbeResult]
"""Results of several probes of one address at the same time."""


def probe(
    address: str, protocol: ProbeProtocol, options: ProbeOptions, clock: Clock = WALL_CLOCK
) -> ProbeResult:
    """Connect to `address` (`host:port`), send a request, and return what was observed."""
    host, _, port = address.rpartition(":")
    start = clock.monotonic()

    def not_connected(outcome: Outcome) -> ProbeResult:
        elapsed = clock.monotonic() - start
        return ProbeResult(outcome, elapsed, elapsed)

    try:
        connection = socket.create_connection(
            (host.strip("[]"), int(port)), timeout=_CONNECT_TIMEOUT
        )
    except ConnectionRefusedError:
        return not_connected("refused")
    except (OSError, ValueError):
        return not_connected("unreachable")
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _ProbeSession(connection, protocol.exchanges(address, options), options, clock).run()


class _ProbeSession:
    """The exchange of messages on one connection, and what has been received so far."""

    def __init__(
        self,
        connection: socket.socket,
        exchanges: Sequence[bytes],
        options: ProbeOptions,
        clock: Clock,
    ) -> None:
        self.connection = connection
        self.exchanges = exchanges
        self.options = options
        self.clock = clock
        self.start = clock.monotonic()
        self.response_time: float | None = None
        self.last_byte = 0.0
        self.size = 0

    def run(self) -> ProbeResult:
        state: Literal["open", "closed", "reset"] = "open"
        options = self.options
        try:
            for number, request in enumerate(self.exchanges, 1):
                self.connection.settimeout(options.timeout)
                self.connection.sendall(request)
                is_last = number == len(self.exchanges)
                self._receive(is_answer=is_last or options.until_close)
            while options.read_all or options.until_close:
                self._receive(is_answer=False)
        except (TimeoutError, BlockingIOError):
            pass
        except EOFError:
            state = "closed"
        except (ConnectionError, OSError):
            state = "reset"
        now = self._elapsed()
        if self.response_time is not None:
            timed_close = options.until_close and state != "open"
            total = now if timed_close else self.last_byte
            return ProbeResult("answered", self.response_time, total, self.size, state)
        outcomes: dict[str, Outcome] = {"open": "silent", "closed": "closed", "reset": "reset"}
        return ProbeResult(outcomes[state], now, now, 0, state)

    def _receive(self, *, is_answer: bool) -> None:
        """Receive once; `is_answer` if the data is the answer whose time is measured."""
        remaining = self.options.timeout - self._elapsed()
        if self.response_time is not None and not self.options.until_close:
            remaining = min(remaining, _END_OF_ANSWER)
        self.connection.settimeout(max(remaining, 0.001))
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        self.last_byte = self._elapsed()
        self.size += len(data)
        if is_answer:
            self.response_time = self.last_byte

    def _elapsed(self) -> float:
        return self.clock.monotonic() - self.start
