"""A border process that is killed after the commit and before the answer."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from services.kit.testing import run

from .conftest import Postgres, free_port
from .relay import relay
from .test_border import crossing, ledger

pytestmark = pytest.mark.stack


@asynccontextmanager
async def border(dsn: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    port = free_port()
    environment = {
        **os.environ,
        "SERVICE": "border",
        "DATABASE": dsn,
        "POPULATION": "100",
        "STORAGE_TIMEOUT": "30",
        "CLOCK_ORIGIN": "1970-01-01T00:00:00+00:00",
    }
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", "services.border:app"),
        *("--port", str(port), "--log-level", "warning"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            await until(lambda: is_quiescent(http))
            yield process, http
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def is_quiescent(http: httpx.AsyncClient) -> bool:
    """Return True if the service is up and sends nothing of its own over the link."""
    try:
        return bool((await http.get("/status")).json()["quiescent"])
    except httpx.TransportError:
        return False


async def has_both_crossings(http: httpx.AsyncClient) -> bool:
    return len(await ledger(http)) == 2


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - another process sends no event
            await asyncio.sleep(0.02)


def test_a_crossing_that_was_committed_before_a_sigkill_is_recorded_once(
    postgres: Postgres, dsn: str
) -> None:
    async def test() -> None:
        async with relay(postgres.port) as link:
            linked = postgres.dsn(dsn.rsplit("/", 1)[1], port=link.port)
            async with border(linked) as (process, http), border(dsn) as (_, other):
                # The first crossing prepares the statements, which takes an extra round trip.
                first = await http.post("/crossings", json=crossing("before"))
                assert first.status_code == 201
                # The read before the write must still be answered. So the link loses only the
                # reply to the write, whose row then becomes visible to the other process.
                link.lose_replies_after(1)
                request = asyncio.ensure_future(http.post("/crossings", json=crossing("c-1", 1)))
                await until(lambda: has_both_crossings(other))
                assert not request.done()
                process.send_signal(signal.SIGKILL)
                with pytest.raises(httpx.TransportError):
                    await request
            link.up()
            async with border(linked) as (_, http):
                again = await http.post("/crossings", json=crossing("c-1", 1))
                assert again.status_code == 200
                lines = await ledger(http)
                assert [line["id"] for line in lines] == ["before", "c-1"]
                assert again.json()["receipt"] == lines[1]["receipt"]

    run(test())
