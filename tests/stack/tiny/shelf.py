"""Query the database with a new connection for each request, so that the link is used each time."""

import os

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def app() -> Starlette:
    async def health(_: Request) -> Response:
        return JSONResponse({"pace": os.environ["PACE"]})

    async def books(_: Request) -> Response:
        connection = await asyncpg.connect(os.environ["DATABASE"], timeout=2)
        try:
            return JSONResponse({"answer": await connection.fetchval("SELECT 6 * 7")})
        finally:
            await connection.close()

    return Starlette(routes=[Route("/health", health), Route("/books", books)])
