"""A connection that is lost in the moment in which it is made, on the loop of real services."""

import asyncio
import socket
from typing import Any

import httpx
import uvloop

from services.kit import Client, Outcome, OutcomeUnknown
from services.kit.testing import fake_world


async def lose(event: str, info: dict[str, Any]) -> None:
    """httpcore's trace, told when it has connected: what a reset does to uvloop's transport."""
    if event == "connection.connect_tcp.complete":
        info["return_value"]._stream._transport.abort()
        await asyncio.sleep(0)


async def trace(request: httpx.Request) -> None:
    request.extensions["trace"] = lose


def test_a_target_that_hangs_up_at_once_is_an_outcome_and_no_crash() -> None:
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
