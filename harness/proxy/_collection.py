"""All proxies by name, and the operations that find, add, change, remove and reset them.

A host to listen on may need a name look-up. It is awaited before the proxy is started and put in
place, which then happens without another wait. Meanwhile other API calls run, so an operation
checks after the wait that its proxy was not removed or replaced.
"""

from harness.proxy._address import AddressError, Sockaddr, literal, split, text
from harness.proxy._coroutines import run, wait_for
from harness.proxy._errors import PROXY_EXISTS, PROXY_NOT_FOUND, ApiError
from harness.proxy._proxy import Proxy, World

Addresses = list[Sockaddr]
CLOSE_BATCH = 256
"""How many connections are closed between two returns to the event loop.

Closing a connection takes the kernel about 70 µs.
"""
RETRY_S = 1.0
"""Wall-clock seconds until another try to enable a proxy whose address is in use."""
ANY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104  (compared only, not bound)


class Collection:
    """The proxies of one server."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.proxies: dict[str, Proxy] = {}

    def get(self, name: str) -> Proxy:
        """Return a proxy by name; raise ApiError if there is none."""
        try:
            return self.proxies[name]
        except KeyError:
            raise ApiError(PROXY_NOT_FOUND) from None

    async def addresses(self, listen: str) -> Addresses:
        """Return the socket addresses of `listen`; an empty text means any free port.

        Raises:
            AddressError: The text is not an address, or the look-up of its host failed.
        """
        host, port = split(listen) if listen else ("", 0)
        found = literal(host, port)
        if found is not None:
            return found
        names = self.world.names
        found, problem = await wait_for(
            lambda answer: names.look_up(listen, lambda *result: answer(result))
        )
        if not found:
            raise AddressError(problem)
        return list(found)

    async def listen_addresses(self, listen: str) -> Addresses:
        """Return `addresses(listen)`; add the prefix of Go's listen errors if that fails."""
        try:
            return await self.addresses(listen)
        except AddressError as error:
            raise AddressError(f"listen tcp: {error}") from None

    async def add(self, proxy: Proxy, *, enabled: bool) -> None:
        """Add a new proxy, and start it if `enabled`.

        Raises:
            ApiError: The name is taken.
            AddressError: The proxy cannot listen. It is not added.
        """
        self._refuse_taken(proxy.name)
        if enabled:
            found = await self.listen_addresses(proxy.listen)
            self._refuse_taken(proxy.name)
            proxy.start(found)
        self.proxies[proxy.name] = proxy

    def _refuse_taken(self, name: str) -> None:
        if name in self.proxies:
            raise ApiError(PROXY_EXISTS)

    async def put(self, proxy: Proxy, *, enabled: bool) -> Proxy:
        """Add a proxy, or replace the one with the same name, and return the one that is in place.

        An existing proxy that has the same upstream and listens on the same address is kept.

        Raises:
            AddressError: The proxy cannot listen.
        """
        existing = self.proxies.get(proxy.name)
        if existing is not None:
            wanted = await self.listen_addresses(proxy.listen)
            if existing.upstream == proxy.upstream and await self.same(existing, wanted):
                return existing
            await self.stop(existing)
        found = await self.listen_addresses(proxy.listen) if enabled else []
        present = self.proxies.get(proxy.name)
        if present is not None and present is not existing:
            present.stop()  # another request created it during the look-up
        if enabled:
            proxy.start(found)
        if existing is not None:
            existing.end_lease()
            existing.remove_all_toxics()
        self.proxies[proxy.name] = proxy
        return proxy

    async def same(self, proxy: Proxy, wanted: Addresses) -> bool:
        """Return True if the proxy's address to listen on is the first of `wanted`."""
        try:
            present = await self.addresses(proxy.listen)
        except AddressError:
            return False
        return _comparable(present) == _comparable(wanted)

    async def update(self, proxy: Proxy, *, listen: str, upstream: str, enabled: bool) -> None:
        """Change a proxy's address or upstream, and start or stop it.

        A change of address or upstream closes all connections of the proxy.

        Raises:
            ApiError: The proxy was removed in the meantime.
            AddressError: The proxy cannot listen. It is left stopped.
        """
        wanted = await self.addresses(listen) if listen != proxy.listen else None
        moved = wanted is not None and not await self.same(proxy, wanted)
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
        """Stop a proxy and remove it and its toxics.

        Raises:
            ApiError: There is no proxy of that name.
        """
        proxy = self.get(name)
        await self.stop(proxy)
        if self.proxies.get(name) is proxy:
            del self.proxies[name]
        proxy.end_lease()
        proxy.remove_all_toxics()

    def lease_cut(self, proxy: Proxy, seconds: float | None) -> None:
        """Enable a disabled proxy again after `seconds` wall-clock seconds.

        So a proxy does not stay disabled if the client that disabled it crashes. Nothing happens if
        `seconds` is None or the proxy is enabled.
        """
        if seconds is None or proxy.enabled:
            return
        proxy.end_lease()
        loop = self.world.loop
        proxy.lease = loop.call_at(loop.time() + seconds, lambda: run(self._end_cut(proxy)))

    async def _end_cut(self, proxy: Proxy) -> None:
        proxy.end_lease()
        proxy.log("warn", "cut_expired")
        try:
            await self._start(proxy)
        except ApiError:
            pass  # removed during the look-up
        except AddressError as error:
            # Another process has the port, perhaps only briefly. Retry, so that the proxy is
            # enabled as soon as the port is free.
            proxy.log("error", "cut_expired_but_not_ended", error=str(error), again_in_s=RETRY_S)
            self.lease_cut(proxy, RETRY_S)

    async def _start(self, proxy: Proxy) -> None:
        found = await self.listen_addresses(proxy.listen)
        if self.proxies.get(proxy.name) is not proxy:
            raise ApiError(PROXY_NOT_FOUND)  # removed during the look-up
        proxy.start(found)

    async def stop(self, proxy: Proxy) -> None:
        """Stop a proxy and close its connections.

        They are closed in batches, and other API calls are answered between two batches.
        """
        proxy.refuse()
        while len(proxy.connections) > CLOSE_BATCH:
            proxy.close_connections(CLOSE_BATCH)
            await wait_for(lambda answer: self.world.loop.call_soon(lambda: answer(None)))
        proxy.stop()

    async def reset(self) -> None:
        """Start every proxy and remove every toxic.

        Raises:
            AddressError: A proxy cannot listen. The proxies after it are not reset.
        """
        for proxy in list(self.proxies.values()):
            if self.proxies.get(proxy.name) is not proxy:
                continue  # removed while another proxy's look-up was awaited
            if not proxy.enabled:
                await self._start(proxy)
            proxy.remove_all_toxics()


def _comparable(addresses: Addresses) -> str:
    _, address = addresses[0]
    return f"*:{address[1]}" if address[0] in ANY_ADDRESS else text(address)
