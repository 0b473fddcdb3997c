"""The command centre: brings the services back in the plan's order, and tells the public.

It keeps nothing on disk. What it has to remember over a crash is in its targets: their admissions,
lanes and modes. It starts by looking at those, and touches nothing until it has seen it.
"""

from functools import partial
from typing import TypeAlias

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import World, build_app, deploy, log_gauge, page_reply, read_numbered_page, reply

from ._centre import Centre
from ._plan import Plan, PlanError, build_plan, load_plan
from ._watch import Watch

__all__ = ["Plan", "PlanError", "app", "build_plan", "create", "load_plan"]

_Targets: TypeAlias = dict[str, str]


def create(world: World) -> Starlette:
    """The command centre's app.

    Raises:
        PlanError: the plan cannot be followed, or names a service that `TARGETS` does not have.
    """
    plan = load_plan(world.env.get("PLAN"))
    targets = _targets(world)
    if strangers := sorted(plan.services() - set(targets)):
        raise PlanError(f"plan: TARGETS has no address for {', '.join(strangers)}")
    watch = Watch(world, plan, targets)
    centre = Centre(world, plan, watch)

    async def tell_plan(_request: Request) -> Response:
        return reply({"stages": centre.stages()})

    async def tell_notices(request: Request) -> Response:
        after, limit = read_numbered_page(request)
        page = centre.board.notices[after : after + limit]
        return page_reply(request, page, page[-1].number if page else None, limit)

    return build_app(
        world,
        routes=[Route("/plan", tell_plan), Route("/notices", tell_notices)],
        status=centre.status,
        background=[centre.probe, centre.inform, partial(log_gauge, world, centre.numbers)],
        on_shutdown=watch.close,
    )


def _targets(world: World) -> _Targets:
    try:
        return msgspec.json.decode(world.env.get("TARGETS", "{}"), type=_Targets)
    except msgspec.MsgspecError as error:
        raise PlanError(f"TARGETS: {error}") from error


app = deploy(create)
