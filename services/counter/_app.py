"""The HTTP interface of a counter service."""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import (
    Record,
    World,
    build_app,
    log_gauge,
    page_reply,
    read_body,
    read_numbered_page,
    reply,
)
from services.traveller import TravellerRequest

from ._counter import Counter


class Surge(msgspec.Struct):
    """The body of `PUT /surge`."""

    open: bool


def create(world: World) -> Starlette:
    """Create the app that serves all counters of one airport."""
    counter = Counter(world)

    async def travellers(request: Request) -> Response:
        return reply(await counter.decide(await read_body(request, TravellerRequest)))

    async def surge(request: Request) -> Response:
        body = await read_body(request, Surge)
        counter.set_surge(all_open=body.open)
        return reply({"open": counter.surge, "officers": counter.desks.size})

    async def queue(_request: Request) -> Response:
        return reply({"waiting": counter.desks.waiting, "delay": counter.delay})

    async def journal(request: Request) -> Response:
        after, limit = read_numbered_page(request)
        return _page(request, counter.journal.page(after, limit), limit)

    async def quarantine(request: Request) -> Response:
        after, limit = read_numbered_page(request)
        return _page(request, counter.journal.page(after, limit, "quarantined"), limit)

    def numbers() -> dict[str, object]:
        counts = counter.journal.counts()
        return {
            "waiting": counter.desks.waiting,
            "officers": counter.desks.size,
            "backlog": counts.written,
            "quarantined": counts.quarantined,
        }

    def status() -> Mapping[str, object]:
        is_idle = counter.desks.waiting == counter.desks.busy == 0
        return {
            "mode": counter.mode.name,
            "reason": counter.mode.reason,
            "quiescent": is_idle and counter.backlog == 0,
            **numbers(),
            "surge": counter.surge,
            "delay": counter.delay,
            "journal": counter.journal.counts().total,
            "held_up": counter.replayer.held_up,
            "snapshot_version": counter.offline.version,
            "snapshot_valid": counter.offline.is_valid,
        }

    async def opening() -> None:
        counter.reassess()

    return build_app(
        world,
        routes=[
            Route("/travellers", travellers, methods=["POST"]),
            Route("/surge", surge, methods=["PUT"]),
            Route("/queue", queue, methods=["GET"]),
            Route("/journal", journal, methods=["GET"]),
            Route("/quarantine", quarantine, methods=["GET"]),
        ],
        status=status,
        on_startup=opening,
        background=[*counter.background(), partial(log_gauge, world, numbers)],
        on_shutdown=counter.close,
    )


def _page(request: Request, records: Sequence[Record], limit: int) -> Response:
    items = [
        {**record.content, "id": record.id, "state": record.state, "reason": record.reason}
        for record in records
    ]
    return page_reply(request, items, records[-1].number if records else None, limit)
