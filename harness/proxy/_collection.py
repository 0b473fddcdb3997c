"""All proxies by name, and what concerns several of them: populate and reset.

Names of hosts to listen on may need a look-up, which is awaited first; everything after that
happens in one piece, so that no call ever sees another one half done.
"""

from harness.proxy._address import AddressError, Sockaddr, literal, split, text
from harness.proxy._coroutines import run, wait_for
from harness.proxy._errors import PROXY_EXISTS, PROXY_NOT_FOUND, ApiError
from harness.proxy._proxy import Proxy, World

Addresses = list[Sockaddr]
CLOSED_AT_ONCE = 256
"""Closing a connection costs the kernel about 70 µs."""
RETRY_S = 1.0
ANY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104  (read, not bound)


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
        """Return what to listen on; raise AddressError if the text names nothing."""
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
        """As `addresses`, with the prefix that Go puts before errors of listening."""
        try:
            return await self.addresses(listen)
        except AddressError as error:
            raise AddressError(f"listen tcp: {error}") from None

    async def add(self, proxy: Proxy, *, enabled: bool) -> None:
        """Add a new proxy; one that cannot listen is not added."""
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
        """Keep the proxy of that name if it is the same, else put this one in its place."""
        existing = self.proxies.get(proxy.name)
        if existing is not None:
            wanted = await self.listen_addresses(proxy.listen)
            if existing.upstream == proxy.upstream and await self.same(existing, wanted):
                return existing
            await self.stop(existing)
        found = await self.listen_addresses(proxy.listen) if enabled else []
        present = self.proxies.get(proxy.name)
        if present is not None and present is not existing:
            present.stop()  # made by somebody else while we waited
        if enabled:
            proxy.start(found)
        if existing is not None:
            existing.end_lease()
            existing.remove_all_toxics()
        self.proxies[proxy.name] = proxy
        return proxy

    async def same(self, proxy: Proxy, wanted: Addresses) -> bool:
        """Return whether a proxy listens, or would listen, on the first of these addresses."""
        try:
            present = await self.addresses(proxy.listen)
        except AddressError:
            return False
        return _comparable(present) == _comparable(wanted)

    async def update(self, proxy: Proxy, *, listen: str, upstream: str, enabled: bool) -> None:
        """Move, start or stop a proxy; one that cannot start is left stopped."""
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
        """Stop a proxy and forget it."""
        proxy = self.get(name)
        await self.stop(proxy)
        if self.proxies.get(name) is proxy:
            del self.proxies[name]
        proxy.end_lease()
        proxy.remove_all_toxics()

    def lease_cut(self, proxy: Proxy, seconds: float | None) -> None:
        """Enable a disabled proxy again after so long, whether or not its client still lives."""
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
            pass  # deleted while we waited
        except AddressError as error:
            # Somebody else has the port, perhaps for a moment: the cut must not outlast that.
            proxy.log("error", "cut_expired_but_not_ended", error=str(error), again_in_s=RETRY_S)
            self.lease_cut(proxy, RETRY_S)

    async def _start(self, proxy: Proxy) -> None:
        found = await self.listen_addresses(proxy.listen)
        if self.proxies.get(proxy.name) is not proxy:
            raise ApiError(PROXY_NOT_FOUND)  # deleted while we waited
        proxy.start(found)

    async def stop(self, proxy: Proxy) -> None:
        """Stop a proxy; with very many connections, let other calls be answered in between."""
        proxy.refuse()
        while len(proxy.connections) > CLOSED_AT_ONCE:
            proxy.close_connections(CLOSED_AT_ONCE)
            await wait_for(lambda answer: self.world.loop.call_soon(lambda: answer(None)))
        proxy.stop()

    async def reset(self) -> None:
        """Start every proxy and remove every toxic; stop at the first that cannot start."""
        for proxy in list(self.proxies.values()):
            if self.proxies.get(proxy.name) is not proxy:
                continue  # deleted while we waited for another one
            if not proxy.enabled:
                await self._start(proxy)
            proxy.remove_all_toxics()


def _comparable(addresses: Addresses) -> str:
    _, address = addresses[0]
    return f"*:{address[1]}" if address[0] in ANY_ADDRESS else text(address)
