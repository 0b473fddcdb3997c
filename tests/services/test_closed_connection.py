"""A connection that the peer closes at the moment of connecting, on uvloop as in real services."""

import asyncio
import socket
from typing import Any

import httpx
import uvloop

from services.kit import Client, Outcome, OutcomeUnknown
from services.kit.testing import fake_world


async def abort_when_connected(event: str, info: dict[str, Any]) -> None:
    """Abort uvloop's transport when httpcore reports that it has connected, as a reset would."""
    if event == "connection.connect_tcp.complete":
        info["return_value"]._stream._transport.abort()
        await asyncio.sleep(0)


async def trace(request: httpx.Request) -> None:
    request.extensions["trace"] = abort_when_connected


def test_a_connection_closed_at_once_is_an_unknown_outcome_and_no_crash() -> None:
    async def call(base_url: str) -> Outcome:
        http = httpx.AsyncClient(base_url=base_url, event_hooks={"request": [trace]})
        world = fake_world("counter-cgk")
        object.__setattr__(world, "http", lambda _url: http)
        client = Client(world, "border", base_url)
        try:
            return await client.get("/check")
        finally:
            await client.close()

    with socket.create_server(("127.0.0.1", 0)) as target:
        outcome = uvloop.run(call(f"http://127.0.0.1:{target.getsockname()[1]}"))
    assert outcome == OutcomeUnknown(
        "border closed the new connection: 'NoneType' object has no attribute 'getpeername'"
    )
