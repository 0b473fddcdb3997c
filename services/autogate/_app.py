"""The HTTP interface of an autogate service."""

from collections.abc import Mapping
from functools import partial

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import Upstream, World, build_app, log_gauge, read_body, reply
from services.traveller import TravellerRequest

from ._gate import Gate
from ._lanes import Lanes


class Permission(msgspec.Struct):
    """The body of `PUT /lanes`."""

    share: float
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be 0 to 1")


def create(world: World) -> Starlette:
    """Create the app that serves the autogates of one airport."""
    watchlist = Upstream(world, "watchlist", world.env["WATCHLIST"])
    border = Upstream(world, "border", world.env["BORDER"])
    gate = Gate(world, (watchlist, border))
    lanes = Lanes(world, gate, watchlist, border)

    async def travellers(request: Request) -> Response:
        return reply(await lanes.serve(await read_body(request, TravellerRequest)))

    async def permit(request: Request) -> Response:
        permission = await read_body(request, Permission)
        gate.permit(permission.share, permission.reason)
        return reply({"share": gate.share, "lanes": gate.lanes.size, "mode": gate.mode.name})

    def numbers() -> dict[str, object]:
        return {
            "waiting": gate.lanes.waiting,
            "lanes": gate.lanes.size,
            "inside": gate.lanes.busy,
            "diverted": gate.diverted,
        }

    def status() -> Mapping[str, object]:
        return {
            "mode": gate.mode.name,
            "reason": gate.reason,
            "quiescent": gate.lanes.waiting == gate.lanes.busy == 0,
            "share": gate.share,
            **numbers(),
        }

    async def closing() -> None:
        await watchlist.client.close()
        await border.client.close()

    return build_app(
        world,
        routes=[
            Route("/travellers", travellers, methods=["POST"]),
            Route("/lanes", permit, methods=["PUT"]),
        ],
        status=status,
        background=[
            partial(watchlist.watch, gate.reassess),
            partial(border.watch, gate.reassess),
            partial(log_gauge, world, numbers),
        ],
        on_shutdown=closing,
    )
