"""A border process that is killed at the worst moment: after the commit, before the answer."""

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
            await until(lambda: settled(http))
            yield process, http
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def settled(http: httpx.AsyncClient) -> bool:
    """Whether it is up and has nothing of its own under way that would use the link."""
    try:
        return bool((await http.get("/status")).json()["quiescent"])
    except httpx.TransportError:
        return False


async def is_entered(http: httpx.AsyncClient) -> bool:
    return len(await ledger(http)) == 2


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - another process gives no event
            await asyncio.sleep(0.02)


def test_a_crossing_that_was_committed_before_a_kill_is_there_once(
    postgres: Postgres, dsn: str
) -> None:
    async def test() -> None:
        async with relay(postgres.port) as link:
            linked = postgres.dsn(dsn.rsplit("/", 1)[1], port=link.port)
            async with border(linked) as (process, http), border(dsn) as (_, other):
                # The first makes the statements known: an unknown one takes a round trip more.
                first = await http.post("/crossings", json=crossing("before"))
                assert first.status_code == 201
                # A read must still be answered before the write is sent, so the link goes deaf
                # to the answer of the write alone: when its line can be seen.
                link.deafen_after(1)
                asked = asyncio.ensure_future(http.post("/crossings", json=crossing("c-1", 1)))
                await until(lambda: is_entered(other))
                assert not asked.done()
                process.send_signal(signal.SIGKILL)
                with pytest.raises(httpx.TransportError):
                    await asked
            link.up()
            async with border(linked) as (_, http):
                again = await http.post("/crossings", json=crossing("c-1", 1))
                assert again.status_code == 200
                lines = await ledger(http)
                assert [line["id"] for line in lines] == ["before", "c-1"]
                assert again.json()["receipt"] == lines[1]["receipt"]

    run(test())
