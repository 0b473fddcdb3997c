"""One client's connection: dial the upstream, carry bytes in both directions, close.

    client  --- Link(upstream) -->  upstream server
    client  <-- Link(downstream) ---  upstream server

No method blocks. A connection whose upstream never answers takes two descriptors, and can be
closed at any time.
"""

import socket
import struct
from contextlib import suppress
from typing import Any, Final, Protocol

from harness.proxy._address import format_address
from harness.proxy._dial import Dial
from harness.proxy._endpoint import Endpoint
from harness.proxy._link import Link
from harness.proxy._loop import Loop, Timer
from harness.proxy._pipes import PipePool
from harness.proxy._resolver import Resolver
from harness.proxy._toxic_collection import ToxicCollection
from harness.proxy._toxic_wrapper import DOWNSTREAM, UPSTREAM, ToxicWrapper

_LINGER_RESET: Final = struct.pack("ii", 1, 0)


class OwningProxy(Protocol):
    """The proxy that accepted the connection."""

    loop: Loop
    resolver: Resolver
    pipes: PipePool
    upstream: str
    half_close: bool
    toxics: ToxicCollection

    def connection_closed(self, connection: "Connection") -> None:
        """Remove a connection that has closed itself from the list of live ones."""

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line."""


class Connection:
    """A client, its upstream, and the two links between them.

    Args:
        proxy: The proxy that accepted the client.
        number: Counts the connections of the proxy from 1; seeds the random numbers of toxics.
        client: The accepted, non-blocking socket.
        peer: The client's address, for the log and the API.
    """

    __slots__ = (
        "_client",
        "_dial",
        "_dial_timer",
        "_endpoints",
        "_peer",
        "_watching_client",
        "closed",
        "downstream_link",
        "loop",
        "number",
        "opened",
        "pipes",
        "proxy",
        "upstream_link",
    )

    def __init__(self, proxy: OwningProxy, number: int, client: socket.socket, peer: Any) -> None:
        self.proxy = proxy
        self.loop = proxy.loop
        self.pipes = proxy.pipes
        self.number = number
        self.opened = proxy.loop.time()
        self.closed = False
        self.upstream_link: Link | None = None
        self.downstream_link: Link | None = None
        self._client = client
        self._peer = peer
        self._endpoints: tuple[Endpoint, Endpoint] | None = None
        self._dial: Dial | None = None
        self._dial_timer: Timer | None = None
        self._watching_client = False

    # Dialling.

    def dial(self) -> None:
        """Connect to the proxy's upstream, after the delay of its `connect_delay` toxics.

        A failure closes the client. Called again, it computes the delay anew.
        """
        delaying = [
            wrapper
            for wrapper in self.proxy.toxics.all()
            if wrapper.toxic.delays_dial and wrapper.applies_to(self.number)
        ]
        if self._dial_timer is not None:
            self._dial_timer.cancel()
            self._dial_timer = None
        if delaying:
            delays = (
                wrapper.toxic.dial_delay(wrapper.rng(self.number, "opening"))
                for wrapper in delaying
            )
            self._dial_timer = self.loop.call_at(self.opened + sum(delays), self._dial_now)
            self._watch_client()
        else:
            self._dial_now()

    def _dial_now(self) -> None:
        self._dial_timer = None
        self._dial = dial = Dial(self.loop, self.proxy.resolver, self._on_dialled)
        dial.start(self.proxy.upstream)
        if not dial.finished:
            self._watch_client()

    def _watch_client(self) -> None:
        """Close the connection if the client resets it before the upstream is connected."""
        if not self._watching_client:
            self._watching_client = True
            self.loop.watch(self._client.fileno(), 0, lambda _events: self.close())

    def _on_dialled(self, upstream: socket.socket | None, problem: str) -> None:
        self._dial = None
        if upstream is None:
            self.log("warn", "upstream_unreachable", error=problem)
            self.close()
            return
        if self._watching_client:
            self.loop.unwatch(self._client.fileno())
        client_end, upstream_end = Endpoint(self.loop, self._client), Endpoint(self.loop, upstream)
        self._endpoints = (client_end, upstream_end)
        self.upstream_link = up = Link(self, UPSTREAM, client_end, upstream_end)
        self.downstream_link = down = Link(self, DOWNSTREAM, upstream_end, client_end)
        client_end.open(up, down)
        upstream_end.open(down, up)
        for link in (up, down):
            for wrapper in self.proxy.toxics.chain(link.stream):
                if link.finished:
                    break
                if wrapper.applies_to(self.number):
                    link.insert(wrapper, link.last)

    # Changes while the connection is open.

    def link(self, stream: str) -> Link | None:
        """Return the link of a stream, or None while the upstream is being dialled."""
        return self.upstream_link if stream == UPSTREAM else self.downstream_link

    def add_toxic(self, wrapper: ToxicWrapper) -> None:
        """Add a toxic to the end of its link's chain, if its toxicity applies here."""
        link = self.link(wrapper.direction)
        if self._dial_timer is not None:
            self.dial()
        elif link is not None and not link.finished and wrapper.applies_to(self.number):
            link.insert(wrapper, link.last)

    def update_toxic(self, wrapper: ToxicWrapper) -> None:
        """Apply the new settings of a toxic, and decide anew whether its toxicity applies."""
        if self._dial_timer is not None:
            self.dial()
            return
        link = self.link(wrapper.direction)
        if link is None or link.finished:
            return
        stub = link.find_stub(wrapper)
        if not wrapper.applies_to(self.number):
            if stub is not None:
                link.remove(stub)
        elif stub is not None:
            link.restart(stub)
        else:
            after = None
            for other in self.proxy.toxics.chain(wrapper.direction):
                if other is wrapper:
                    break
                after = link.find_stub(other) or after
            link.insert(wrapper, after)

    def remove_toxic(self, wrapper: ToxicWrapper) -> None:
        """Remove a toxic from its link; a `timeout` toxic also closes the connection."""
        if self._dial_timer is not None:
            self.dial()
            return
        link = self.link(wrapper.direction)
        if link is None or link.finished:
            return
        stub = link.find_stub(wrapper)
        if stub is not None:
            link.remove(stub)
        if wrapper.toxic.closes_on_removal and not link.finished:
            link.end()

    def link_finished(self, link: Link) -> None:
        """Close the connection, or let the other direction end, after one link has finished."""
        up, down = self.upstream_link, self.downstream_link
        if self.closed or up is None or down is None:
            return
        other = down if link is up else up
        if other.finished:
            self.close()
            return
        if self.proxy.half_close and link.eof:
            with suppress(OSError):  # already closed by the peer
                link.sink.sock.shutdown(socket.SHUT_WR)
            return
        link.sink.close()
        other.end()

    def reset(self) -> None:
        """Close both sides at once, with RST."""
        for sock in self._sockets():
            with suppress(OSError):  # already closed by the peer
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self.close()

    def close(self) -> None:
        """Close both sides at once, dropping bytes that are not yet sent."""
        if self.closed:
            return
        self.closed = True
        if self._dial_timer is not None:
            self._dial_timer.cancel()
        for link in (self.upstream_link, self.downstream_link):
            if link is not None and not link.finished:
                link.release()
        if self._endpoints is not None:
            for endpoint in self._endpoints:
                endpoint.close()
        else:
            self.loop.close(self._client)
            if self._dial is not None:
                self._dial.cancel()
        self.proxy.connection_closed(self)

    def _sockets(self) -> list[socket.socket]:
        if self._endpoints is not None:
            return [endpoint.sock for endpoint in self._endpoints if endpoint.fd >= 0]
        return [self._client]

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line about this connection."""
        self.proxy.log(level, event, client=format_address(self._peer), **fields)

    def to_json(self) -> dict[str, Any]:
        """Return the connection as the API shows it."""
        state = "dialling" if self.upstream_link is None else "open"
        if (self.upstream_link and self.upstream_link.finished) or (
            self.downstream_link and self.downstream_link.finished
        ):
            state = "closing"
        streams = {}
        for link in (self.upstream_link, self.downstream_link):
            if link is not None:
                streams[link.stream] = {
                    "received_bytes": link.received,
                    "sent_bytes": link.sent,
                    "blocked": link.pending,
                    "toxics": [stub.wrapper.name for stub in link.stubs()],
                }
        return {
            "id": self.number,
            "client": format_address(self._peer),
            "state": state,
            "age": round(self.loop.time() - self.opened, 3),
            "streams": streams,
        }
