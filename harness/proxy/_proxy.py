"""A proxy: where it listens, where it connects to, its toxics, its live connections.

    client <-> Proxy <-> upstream

Every change is complete when its method returns: a stopped proxy refuses, its connections are
closed; a toxic is in (or out of) every live chain.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from harness.proxy._address import Sockaddr, listener, split, text
from harness.proxy._connection import Connection
from harness.proxy._descriptors import SHORTAGE
from harness.proxy._errors import TOXIC_EXISTS, TOXIC_NOT_FOUND, ApiError
from harness.proxy._loop import READ, Loop, Timer
from harness.proxy._metrics import Count, Metrics
from harness.proxy._names import Names
from harness.proxy._pipes import PipePool
from harness.proxy._placement import DOWNSTREAM, UPSTREAM, Placement
from harness.proxy.toxics import Toxic

ACCEPTS_AT_ONCE: Final = 32

Log = Callable[..., None]


class World:
    """What all proxies share: the loop, look-ups, pipes, the seed, metrics and the log."""

    def __init__(self, *, loop: Loop, seed: int, metrics: Metrics, log: Log) -> None:
        self.loop = loop
        self.seed = seed
        self.metrics = metrics
        self.log = log
        self.names = Names(loop)
        self.pipes = PipePool()


class Proxy:
    """One listener and the connections that came through it."""

    def __init__(
        self,
        world: World,
        *,
        name: str,
        listen: str,
        upstream: str,
        half_close: bool = False,
        max_connections: int = 0,
    ) -> None:
        self.world = world
        self.loop = world.loop
        self.names = world.names
        self.pipes = world.pipes
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.half_close = half_close
        self.max_connections = max_connections
        self.enabled = False
        self.lease: Timer | None = None
        """When it is to be enabled again."""
        self.connections: dict[int, Connection] = {}
        self._count = 0
        self._listener: socket.socket | None = None
        self._chains: dict[str, list[Placement]] = {UPSTREAM: [], DOWNSTREAM: []}

    # Listening.

    def start(self, candidates: list[Sockaddr]) -> None:
        """Listen on one of the addresses of `listen`; raise AddressError if that cannot be."""
        if self.enabled:
            return
        host, port = split(self.listen) if self.listen else ("", 0)
        self._listener = listener(host, port, candidates)
        self.listen = text(self._listener.getsockname())
        self.enabled = True
        self.end_lease()
        self._watch_listener()
        self.log("info", "proxy_started")

    def stop(self) -> None:
        """Refuse new connections and close the live ones."""
        if not self.enabled:
            return
        self.enabled = False
        self.refuse()
        self.close_connections(len(self.connections))
        self.log("info", "proxy_stopped")

    def end_lease(self) -> None:
        """Forget when it is to be enabled again."""
        if self.lease is not None:
            self.lease.cancel()
            self.lease = None

    def refuse(self) -> None:
        """Refuse new connections; the first half of `stop`."""
        if self._listener is not None:
            self.loop.close(self._listener)
            self._listener = None

    def close_connections(self, most: int) -> None:
        """Close so many of the live connections, the oldest first."""
        for connection in list(islice(self.connections.values(), most)):
            connection.close()

    def _watch_listener(self) -> None:
        if self._listener is not None:
            self.loop.watch(self._listener.fileno(), READ, self._on_clients)

    def _on_clients(self, _events: int) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            sock = self._listener
            if sock is None:
                return
            try:
                client, peer = sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in SHORTAGE:
                    # The client stays in the backlog; asking again at once would only spin.
                    self.log("error", "accept_failed", error=str(error))
                    self.loop.forget(sock.fileno())
                    self.loop.call_at(self.loop.time() + 0.05, self._watch_again)
                    return
                continue
            client.setblocking(False)
            if self.max_connections and len(self.connections) >= self.max_connections:
                client.close()
                continue
            self._count += 1
            connection = Connection(self, self._count, client, peer)
            self.connections[self._count] = connection
            connection.dial()

    def _watch_again(self) -> None:
        if self._listener is not None:
            self.loop.forget(self._listener.fileno())
            self._watch_listener()

    def connection_closed(self, connection: Connection) -> None:
        """Take note that a connection is gone."""
        self.connections.pop(connection.number, None)
        self.world.metrics.add(self.counts([connection]))

    # Toxics.

    def chain(self, direction: str) -> list[Placement]:
        """Return the toxics of one stream, in the order in which bytes meet them."""
        return self._chains[direction]

    def placements(self) -> list[Placement]:
        """Return all toxics, upstream first."""
        return [*self._chains[UPSTREAM], *self._chains[DOWNSTREAM]]

    def find(self, name: str) -> Placement:
        """Return a toxic by name; raise ApiError if there is none."""
        for placement in self.placements():
            if placement.name == name:
                return placement
        raise ApiError(TOXIC_NOT_FOUND)

    def has_toxic(self, name: str) -> bool:
        """Return whether the name is taken."""
        return any(placement.name == name for placement in self.placements())

    def add_toxic(
        self,
        *,
        name: str,
        stream: str,
        toxicity: float,
        toxic: Toxic,
        expires_in: float | None = None,
    ) -> Placement:
        """Put a toxic at the end of its stream's chain, in live connections too."""
        if self.has_toxic(name):
            raise ApiError(TOXIC_EXISTS)
        placement = Placement(
            name=name,
            stream=stream,
            toxicity=toxicity,
            toxic=toxic,
            dice=f"{self.world.seed}\0{self.name}",
        )
        self._chains[placement.direction].append(placement)
        for connection in list(self.connections.values()):
            connection.place(placement)
        self._lease(placement, expires_in)
        return placement

    def update_toxic(
        self,
        placement: Placement,
        *,
        toxicity: float,
        toxic: Toxic,
        expires_in: float | None = None,
    ) -> None:
        """Give a toxic new settings, in live connections too."""
        placement.update(toxic, toxicity)
        for connection in list(self.connections.values()):
            connection.update(placement)
        self._lease(placement, expires_in)

    def remove_toxic(self, placement: Placement) -> None:
        """Take a toxic out, of live connections too."""
        placement.end_lease()
        self._chains[placement.direction].remove(placement)
        for connection in list(self.connections.values()):
            connection.displace(placement)

    def remove_all_toxics(self) -> None:
        """Take out every toxic."""
        for placement in self.placements():
            self.remove_toxic(placement)

    def _lease(self, placement: Placement, seconds: float | None) -> None:
        if seconds is None:
            return
        placement.end_lease()
        placement.lease = self.loop.call_at(
            self.loop.time() + seconds, lambda: self._lease_over(placement)
        )

    def _lease_over(self, placement: Placement) -> None:
        self.log("warn", "toxic_expired", toxic=placement.name)
        self.remove_toxic(placement)

    # Telling.

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line about this proxy."""
        self.world.log(
            level, event, proxy=self.name, listen=self.listen, upstream=self.upstream, **fields
        )

    def counts(self, connections: Iterable[Connection]) -> Iterator[Count]:
        """Return what connections have carried, for the metrics."""
        for connection in connections:
            for link in (connection.up, connection.down):
                if link is not None:
                    labels = (link.stream, self.listen, self.name, self.upstream)
                    yield labels, link.received, link.sent

    def shown_toxics(self) -> list[dict[str, Any]]:
        """Return what the API shows of the toxics."""
        now = self.loop.time()
        return [placement.shown(now) for placement in self.placements()]

    def shown(self) -> dict[str, Any]:
        """Return what the API shows."""
        entry: dict[str, Any] = {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            # A field that the original leaks; clients that compare whole answers expect it.
            "Logger": {},
        }
        if self.half_close:
            entry["half_close"] = True
        if self.max_connections:
            entry["max_connections"] = self.max_connections
        if self.lease is not None:
            entry["expires_in"] = round(max(self.lease.when - self.loop.time(), 0.0), 3)
        entry["toxics"] = self.shown_toxics()
        return entry
