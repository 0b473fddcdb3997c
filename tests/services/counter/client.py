"""Requests that the tests of a counter send."""

import asyncio
from typing import Any

import httpx

from ..airport_system import AirportSystem

Reply = dict[str, Any]


async def serve(
    system: AirportSystem, http: httpx.AsyncClient, *bodies: Reply, time: float
) -> list[Reply]:
    """Send travellers, let `time` scenario seconds pass, and return the answers' bodies."""
    return [answer.json() for answer in await post(system, http, *bodies, time=time)]


async def post(
    system: AirportSystem, http: httpx.AsyncClient, *bodies: Reply, time: float
) -> list[httpx.Response]:
    """Send travellers as `serve` does, and return the responses with their status."""
    calls = [asyncio.ensure_future(http.post("/travellers", json=body)) for body in bodies]
    await system.clock.advance(time)
    return [await call for call in calls]


def without_wait(answer: Reply) -> Reply:
    return {key: value for key, value in answer.items() if key != "waited"}


async def status(http: httpx.AsyncClient) -> Reply:
    answer: Reply = (await http.get("/status")).json()
    return answer
