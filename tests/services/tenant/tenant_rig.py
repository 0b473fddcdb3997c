"""A watchlist service as an example of a tenant, on a registry that outlasts it."""

from collections.abc import Mapping

import httpx
from starlette.applications import Starlette

from services import watchlist
from services.kit.testing import Events, FakeClock, FlakyRegistry, fake_world


class Rig:
    """A watchlist service that can be restarted on the same registry."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.log = Events()
        self.storage = FlakyRegistry()

    def app(self, env: Mapping[str, str] | None = None) -> Starlette:
        return watchlist.create(
            fake_world(
                "watchlist",
                {"SNAPSHOT_KEY": "key", "STORAGE_TIMEOUT": "5", "SILENCE": "1800", **(env or {})},
                clock=self.clock,
                log=self.log,
                registry=self.storage.registry,
            )
        )

    async def advance_with_requests(self, http: httpx.AsyncClient, seconds: float) -> None:
        """Advance the clock by `seconds` with a request every ten minutes."""
        for _ in range(int(seconds // 600)):
            await check(http)
            await self.clock.advance(600)


async def check(http: httpx.AsyncClient) -> httpx.Response:
    return await http.get("/check", params={"document": "X1234567"})


async def admission(http: httpx.AsyncClient) -> tuple[str, str]:
    body = (await http.get("/admission")).json()
    assert body["state"] == {0: "closed", 1: "open"}.get(body["share"], "share")
    return body["state"], body["reason"]


async def put(http: httpx.AsyncClient, share: float, reason: str = "plan") -> httpx.Response:
    return await http.put("/admission", json={"share": share, "reason": reason})
