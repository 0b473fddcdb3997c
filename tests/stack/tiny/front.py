"""Forward requests to shelf, and count its own starts in a file on its volume."""

import os
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def app() -> Starlette:
    counts = Path(os.environ["COUNTS"])
    with counts.open("a") as file:
        file.write("x")
    starts = counts.stat().st_size
    print('{"event": "mode", "mode": "automatic"}')

    async def health(_: Request) -> Response:
        return JSONResponse({"starts": starts, "pace": os.environ["PACE"]})

    async def books(_: Request) -> Response:
        async with httpx.AsyncClient(verify=False, timeout=2.0) as client:
            try:
                answer = await client.get(os.environ["SHELF"] + "/books")
            except httpx.HTTPError as error:
                return JSONResponse({"error": str(error)}, 502)
        return JSONResponse(answer.json())

    return Starlette(routes=[Route("/health", health), Route("/books", books)])
