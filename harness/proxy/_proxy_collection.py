"""All proxies by name, and the operations on several of them: populate and reset.

A host name to listen on may need a lookup, which is awaited first. Everything after it runs
without an interruption, so that no API call sees the intermediate state of another one.
"""

from harness.proxy._address import (
    AddressError,
    SocketAddress,
    format_address,
    literal_addresses,
    split_host_port,
)
from harness.proxy._coroutines import run_coroutine, wait_for_callback
from harness.proxy._errors import PROXY_EXISTS, PROXY_NOT_FOUND, ApiError
from harness.proxy._proxy import Proxy
from harness.proxy._server_context import ServerContext

Addresses = list[SocketAddress]
CLOSE_BATCH = 256
"""Connections closed before other API calls are answered; each costs the kernel about 70 µs."""
RETRY_S = 1.0
"""Pause, in wall-clock seconds, before a proxy whose lease ended tries to listen again."""
ANY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104  (compared with, not bound)


class ProxyCollection:
    """The proxies of one server."""

    def __init__(self, context: ServerContext) -> None:
        self.context = context
        self.proxies: dict[str, Proxy] = {}

    def get(self, name: str) -> Proxy:
        """Return a proxy by name; raise ApiError if there is none."""
        try:
            return self.proxies[name]
        except KeyError:
            raise ApiError(PROXY_NOT_FOUND) from None

    async def resolve(self, listen: str) -> Addresses:
        """Resolve an address to listen on; raise AddressError if its host is unknown."""
        host, port = split_host_port(listen) if listen else ("", 0)
        found = literal_addresses(host, port)
        if found is not None:
            return found
        resolver = self.context.resolver
        found, problem = await wait_for_callback(
            lambda callback: resolver.look_up(listen, lambda *result: callback(result))
        )
        if not found:
            raise AddressError(problem)
        return list(found)

    async def resolve_listen(self, listen: str) -> Addresses:
        """Call `resolve`; errors get the prefix that Go puts before errors of listening."""
        try:
            return await self.resolve(listen)
        except AddressError as error:
            raise AddressError(f"listen tcp: {error}") from None

    async def add(self, proxy: Proxy, *, enabled: bool) -> None:
        """Add a new proxy and start it if `enabled`.

        Raises:
            ApiError: The name is taken.
            AddressError: The proxy cannot listen; it was not added.
        """
        self._check_name_is_free(proxy.name)
        if enabled:
            found = await self.resolve_listen(proxy.listen)
            self._check_name_is_free(proxy.name)
            proxy.start(found)
        self.proxies[proxy.name] = proxy

    def _check_name_is_free(self, name: str) -> None:
        if name in self.proxies:
            raise ApiError(PROXY_EXISTS)

    async def add_or_replace(self, proxy: Proxy, *, enabled: bool) -> Proxy:
        """Add a proxy, or replace the one of the same name, as Toxiproxy's `AddOrReplace` does.

        Returns:
            The existing proxy, unchanged, if it has the same upstream and listen address; else
            the new one.

        Raises:
            AddressError: The new proxy cannot listen; the existing one is left stopped.
        """
        existing = self.proxies.get(proxy.name)
        if existing is not None:
            requested = await self.resolve_listen(proxy.listen)
            same_upstream = existing.upstream == proxy.upstream
            if same_upstream and await self.is_listening_on(existing, requested):
                return existing
            await self.stop(existing)
        found = await self.resolve_listen(proxy.listen) if enabled else []
        present = self.proxies.get(proxy.name)
        if present is not None and present is not existing:
            present.stop()  # created by another call during the lookup
        if enabled:
            proxy.start(found)
        if existing is not None:
            existing.cancel_lease()
            existing.toxics.clear()
        self.proxies[proxy.name] = proxy
        return proxy

    async def is_listening_on(self, proxy: Proxy, requested: Addresses) -> bool:
        """Return True if a proxy listens, or would listen, on the first of these addresses."""
        try:
            present = await self.resolve(proxy.listen)
        except AddressError:
            return False
        return _comparable(present) == _comparable(requested)

    async def update(self, proxy: Proxy, *, listen: str, upstream: str, enabled: bool) -> None:
        """Change addresses and state of a proxy; a new address closes its connections.

        Raises:
            AddressError: The proxy cannot listen; it is left stopped.
        """
        requested = await self.resolve(listen) if listen != proxy.listen else None
        moved = requested is not None and not await self.is_listening_on(proxy, requested)
        if moved or upstream != proxy.upstream:
            await self.stop(proxy)
            if moved:
                proxy.listen = listen
            proxy.upstream = upstream
        if not enabled:
            await self.stop(proxy)
        elif not proxy.enabled:
            await self._start(proxy)

    async def remove(self, name: str) -> None:
        """Stop a proxy and delete it; raise ApiError if there is none of this name."""
        proxy = self.get(name)
        await self.stop(proxy)
        if self.proxies.get(name) is proxy:
            del self.proxies[name]
        proxy.cancel_lease()
        proxy.toxics.clear()

    def schedule_enable(self, proxy: Proxy, seconds: float | None) -> None:
        """Enable a disabled proxy again after `seconds` wall-clock seconds (its lease).

        The lease makes sure that a client that dies leaves no proxy disabled. Without seconds, or
        for an enabled proxy, nothing is scheduled.
        """
        if seconds is None or proxy.enabled:
            return
        proxy.cancel_lease()
        loop = self.context.loop
        proxy.lease = loop.call_at(
            loop.time() + seconds, lambda: run_coroutine(self._enable_after_lease(proxy))
        )

    async def _enable_after_lease(self, proxy: Proxy) -> None:
        proxy.cancel_lease()
        proxy.log("warn", "disable_expired")
        try:
            await self._start(proxy)
        except ApiError:
            pass  # deleted during the lookup
        except AddressError as error:
            # Another process has the port, perhaps only for a moment. The proxy must be enabled
            # as soon as the port is free.
            proxy.log("error", "enable_failed", error=str(error), retry_in_s=RETRY_S)
            self.schedule_enable(proxy, RETRY_S)

    async def _start(self, proxy: Proxy) -> None:
        found = await self.resolve_listen(proxy.listen)
        if self.proxies.get(proxy.name) is not proxy:
            raise ApiError(PROXY_NOT_FOUND)  # deleted during the lookup
        proxy.start(found)

    async def stop(self, proxy: Proxy) -> None:
        """Stop a proxy; between batches of closed connections, other API calls are answered."""
        proxy.stop_listening()
        while len(proxy.connections) > CLOSE_BATCH:
            proxy.close_connections(CLOSE_BATCH)
            await wait_for_callback(
                lambda callback: self.context.loop.call_soon(lambda: callback(None))
            )
        proxy.stop()

    async def reset(self) -> None:
        """Start every proxy and remove all its toxics.

        Raises:
            AddressError: A proxy cannot listen; the proxies after it are left unchanged.
        """
        for proxy in list(self.proxies.values()):
            if self.proxies.get(proxy.name) is not proxy:
                continue  # deleted during the lookup for another proxy
            if not proxy.enabled:
                await self._start(proxy)
            proxy.toxics.clear()


def _comparable(addresses: Addresses) -> str:
    _, address = addresses[0]
    return f"*:{address[1]}" if address[0] in ANY_ADDRESS else format_address(address)
