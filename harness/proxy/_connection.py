"""One client's connection through a proxy: dial the upstream, forward both directions, close.

    client  --- Link(upstream) -->  upstream server
    client  <-- Link(downstream) ---  upstream server

Nothing here blocks. A connection to an upstream that never answers occupies two file descriptors
and can be closed at any time.
"""

import socket
import struct
from contextlib import suppress
from typing import Any, Final, Protocol

from harness.proxy._address import text
from harness.proxy._dial import Dial
from harness.proxy._endpoint import Endpoint
from harness.proxy._link import Link
from harness.proxy._loop import Loop, Timer
from harness.proxy._names import Names
from harness.proxy._pipes import PipePool
from harness.proxy._placement import DOWNSTREAM, UPSTREAM, Placement

_LINGER_RESET: Final = struct.pack("ii", 1, 0)


class Owner(Protocol):
    """What a connection needs of its proxy."""

    loop: Loop
    names: Names
    pipes: PipePool
    upstream: str
    half_close: bool

    def placements(self) -> list[Placement]:
        """Return the toxics of both streams."""

    def chain(self, direction: str) -> list[Placement]:
        """Return the toxics of one stream, in order."""

    def connection_closed(self, connection: "Connection") -> None:
        """Remove a closed connection from the proxy."""

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line."""


class Connection:
    """A client's socket, the upstream's socket, and the two links between them.

    Args:
        proxy: The proxy that accepted the client.
        number: Identifies the connection within its proxy, and seeds its random choices.
        client: The client's socket.
        peer: The client's socket address.
    """

    __slots__ = (
        "_client",
        "_dial",
        "_guarded",
        "_opening",
        "_peer",
        "_sides",
        "closed",
        "down",
        "loop",
        "number",
        "opened",
        "pipes",
        "proxy",
        "up",
    )

    def __init__(self, proxy: Owner, number: int, client: socket.socket, peer: Any) -> None:
        self.proxy = proxy
        self.loop = proxy.loop
        self.pipes = proxy.pipes
        self.number = number
        self.opened = proxy.loop.time()
        self.closed = False
        self.up: Link | None = None
        self.down: Link | None = None
        self._client = client
        self._peer = peer
        self._sides: tuple[Endpoint, Endpoint] | None = None
        self._dial: Dial | None = None
        self._opening: Timer | None = None
        self._guarded = False

    # Dialling.

    def dial(self) -> None:
        """Connect to the proxy's upstream, at once or after the delays of the toxics.

        If a delay is running it is computed anew. If the upstream cannot be reached the client's
        socket is closed.
        """
        delaying = [
            placement
            for placement in self.proxy.placements()
            if placement.toxic.delays_opening and placement.hits(self.number)
        ]
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if delaying:
            delays = (p.toxic.opening_delay(p.chance(self.number, "opening")) for p in delaying)
            self._opening = self.loop.call_at(self.opened + sum(delays), self._dial_now)
            self._guard_client()
        else:
            self._dial_now()

    def _dial_now(self) -> None:
        self._opening = None
        self._dial = dial = Dial(self.loop, self.proxy.names, self._on_dialled)
        dial.start(self.proxy.upstream)
        if not dial.over:
            self._guard_client()

    def _guard_client(self) -> None:
        """Close the connection if the client resets it before the upstream is connected."""
        if not self._guarded:
            self._guarded = True
            self.loop.watch(self._client.fileno(), 0, lambda _events: self.close())

    def _on_dialled(self, upstream: socket.socket | None, problem: str) -> None:
        self._dial = None
        if upstream is None:
            self.log("warn", "upstream_unreachable", error=problem)
            self.close()
            return
        if self._guarded:
            self.loop.forget(self._client.fileno())
        near, far = Endpoint(self.loop, self._client), Endpoint(self.loop, upstream)
        self._sides = (near, far)
        self.up = up = Link(self, UPSTREAM, near, far)
        self.down = down = Link(self, DOWNSTREAM, far, near)
        near.open(up, down)
        far.open(down, up)
        for link in (up, down):
            for placement in self.proxy.chain(link.stream):
                if link.finished:
                    break
                if placement.hits(self.number):
                    link.insert(placement, link.last)

    # Toxics.

    def link(self, stream: str) -> Link | None:
        """Return the link of a stream; None while the upstream is not yet connected."""
        return self.up if stream == UPSTREAM else self.down

    def place(self, placement: Placement) -> None:
        """Append an added toxic to its chain, if its toxicity selects this connection."""
        link = self.link(placement.direction)
        if self._opening is not None:
            self.dial()
        elif link is not None and not link.finished and placement.hits(self.number):
            link.insert(placement, link.last)

    def update(self, placement: Placement) -> None:
        """Apply new settings of a toxic.

        Its toxicity is evaluated again, which can add it to this link, restart it or remove it.
        """
        if self._opening is not None:
            self.dial()
            return
        link = self.link(placement.direction)
        if link is None or link.finished:
            return
        stub = link.stub_of(placement)
        if not placement.hits(self.number):
            if stub is not None:
                link.remove(stub)
        elif stub is not None:
            link.restart(stub)
        else:
            after = None
            for other in self.proxy.chain(placement.direction):
                if other is placement:
                    break
                after = link.stub_of(other) or after
            link.insert(placement, after)

    def displace(self, placement: Placement) -> None:
        """Remove a toxic from its chain, and end the link if the toxic requires that."""
        if self._opening is not None:
            self.dial()
            return
        link = self.link(placement.direction)
        if link is None or link.finished:
            return
        stub = link.stub_of(placement)
        if stub is not None:
            link.remove(stub)
        if placement.toxic.closes_on_removal and not link.finished:
            link.end()

    # Closing.

    def link_finished(self, link: Link) -> None:
        """Handle the end of one direction.

        The other direction ends too, once its buffered data is written. With `half_close` it stays
        open if this one ended because its source did.
        """
        up, down = self.up, self.down
        if self.closed or up is None or down is None:
            return
        other = down if link is up else up
        if other.finished:
            self.close()
            return
        if self.proxy.half_close and link.eof:
            with suppress(OSError):  # the peer has already closed it
                link.sink.sock.shutdown(socket.SHUT_WR)
            return
        link.sink.close()
        other.end()

    def reset(self) -> None:
        """Close both sockets at once with a TCP reset (RST)."""
        for sock in self._sockets():
            with suppress(OSError):  # the peer has already closed it
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self.close()

    def close(self) -> None:
        """Close both sockets at once and drop all buffered data."""
        if self.closed:
            return
        self.closed = True
        if self._opening is not None:
            self._opening.cancel()
        for link in (self.up, self.down):
            if link is not None and not link.finished:
                link.release()
        if self._sides is not None:
            for side in self._sides:
                side.close()
        else:
            self.loop.close(self._client)
            if self._dial is not None:
                self._dial.cancel()
        self.proxy.connection_closed(self)

    def _sockets(self) -> list[socket.socket]:
        if self._sides is not None:
            return [side.sock for side in self._sides if side.fd >= 0]
        return [self._client]

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line about this connection."""
        self.proxy.log(level, event, client=text(self._peer), **fields)

    def shown(self) -> dict[str, Any]:
        """Return the connection as the API reports it; `age` is in wall-clock seconds."""
        state = "dialling" if self.up is None else "open"
        if (self.up and self.up.finished) or (self.down and self.down.finished):
            state = "closing"
        streams = {}
        for link in (self.up, self.down):
            if link is not None:
                streams[link.stream] = {
                    "received_bytes": link.received,
                    "sent_bytes": link.sent,
                    "blocked": link.pending,
                    "toxics": [stub.placement.name for stub in link.stubs()],
                }
        return {
            "id": self.number,
            "client": text(self._peer),
            "state": state,
            "age": round(self.loop.time() - self.opened, 3),
            "streams": streams,
        }
