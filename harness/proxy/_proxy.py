"""A proxy: a listener, an upstream address, toxics, and the live connections.

    client <-> Proxy <-> upstream

Every change is complete when its method returns. After `stop`, for example, the port refuses
connections and all connections of the proxy are closed.
"""

import socket
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from harness.proxy._address import SocketAddress, format_address, open_listener, split_host_port
from harness.proxy._connection import Connection
from harness.proxy._descriptors import SHORTAGE_ERRNOS
from harness.proxy._loop import READ, Timer
from harness.proxy._metrics import Count
from harness.proxy._server_context import ServerContext
from harness.proxy._toxic_collection import ToxicCollection

ACCEPT_BATCH: Final = 32
"""Clients accepted for one event; the rest wait for the next one."""
ACCEPT_RETRY_S: Final = 0.05
"""Pause, in wall-clock seconds, before `accept` is tried again without free descriptors."""


class Proxy:
    """One listener and the connections accepted by it."""

    def __init__(
        self,
        context: ServerContext,
        *,
        name: str,
        listen: str,
        upstream: str,
        half_close: bool = False,
        max_connections: int = 0,
    ) -> None:
        self.context = context
        self.loop = context.loop
        self.resolver = context.resolver
        self.pipes = context.pipes
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.half_close = half_close
        self.max_connections = max_connections
        self.enabled = False
        self.lease: Timer | None = None
        """Enables the disabled proxy again when it fires."""
        self.connections: dict[int, Connection] = {}
        self.toxics = ToxicCollection(
            loop=context.loop,
            seed=f"{context.seed}\0{name}",
            connections=self.connections,
            log=self.log,
        )
        self._accepted = 0
        self._listener: socket.socket | None = None

    def start(self, candidates: list[SocketAddress]) -> None:
        """Listen on the address that `listen` names, if the proxy is not yet enabled.

        Args:
            candidates: The socket addresses that the host of `listen` resolves to.

        Raises:
            AddressError: The address cannot be listened on.
        """
        if self.enabled:
            return
        host, port = split_host_port(self.listen) if self.listen else ("", 0)
        self._listener = open_listener(host, port, candidates)
        self.listen = format_address(self._listener.getsockname())
        self.enabled = True
        self.cancel_lease()
        self._watch_listener()
        self.log("info", "proxy_started")

    def stop(self) -> None:
        """Refuse new connections and close the live ones."""
        if not self.enabled:
            return
        self.enabled = False
        self.stop_listening()
        self.close_connections(len(self.connections))
        self.log("info", "proxy_stopped")

    def stop_listening(self) -> None:
        """Refuse new connections, but keep the live ones."""
        if self._listener is not None:
            self.loop.close(self._listener)
            self._listener = None

    def close_connections(self, limit: int) -> None:
        """Close at most `limit` live connections, the oldest first."""
        for connection in list(islice(self.connections.values(), limit)):
            connection.close()

    def cancel_lease(self) -> None:
        """Cancel the timer that would enable the proxy again."""
        if self.lease is not None:
            self.lease.cancel()
            self.lease = None

    def connection_closed(self, connection: Connection) -> None:
        """Remove a closed connection from the list, and keep its byte counts."""
        self.connections.pop(connection.number, None)
        self.context.metrics.add(self.byte_counts([connection]))

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Write a log line about this proxy."""
        self.context.log(
            level, event, proxy=self.name, listen=self.listen, upstream=self.upstream, **fields
        )

    def byte_counts(self, connections: Iterable[Connection]) -> Iterator[Count]:
        """Yield the bytes received and sent by each link of these connections, for metrics."""
        for connection in connections:
            for link in (connection.upstream_link, connection.downstream_link):
                if link is not None:
                    labels = (link.stream, self.listen, self.name, self.upstream)
                    yield labels, link.received, link.sent

    def to_json(self) -> dict[str, Any]:
        """Return the proxy as the API shows it."""
        entry: dict[str, Any] = {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            # Toxiproxy exposes this internal field by mistake; clients that compare whole
            # answers expect it.
            "Logger": {},
        }
        if self.half_close:
            entry["half_close"] = True
        if self.max_connections:
            entry["max_connections"] = self.max_connections
        if self.lease is not None:
            entry["expires_in"] = round(max(self.lease.when - self.loop.time(), 0.0), 3)
        entry["toxics"] = self.toxics.to_json()
        return entry

    def _watch_listener(self) -> None:
        if self._listener is not None:
            self.loop.watch(self._listener.fileno(), READ, self._on_clients)

    def _on_clients(self, _events: int) -> None:
        for _ in range(ACCEPT_BATCH):
            sock = self._listener
            if sock is None:
                return
            try:
                client, peer = sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in SHORTAGE_ERRNOS:
                    # The client stays in the backlog, so its event would fire again at once and
                    # fail again: a busy loop.
                    self.log("error", "accept_failed", error=str(error))
                    self.loop.unwatch(sock.fileno())
                    self.loop.call_at(self.loop.time() + ACCEPT_RETRY_S, self._rewatch_listener)
                    return
                continue
            client.setblocking(False)
            if self.max_connections and len(self.connections) >= self.max_connections:
                client.close()
                continue
            self._accepted += 1
            connection = Connection(self, self._accepted, client, peer)
            self.connections[self._accepted] = connection
            connection.dial()

    def _rewatch_listener(self) -> None:
        if self._listener is not None:
            self.loop.unwatch(self._listener.fileno())
            self._watch_listener()
