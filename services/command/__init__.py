"""The command centre: reopens the services in the plan's order and informs the public.

It stores nothing on disk. The state that must survive a crash is kept by its targets: their
admissions, lanes and modes. After a start it probes them first, and changes nothing before it knows
their state.
"""

from functools import partial
from typing import TypeAlias

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import World, build_app, deploy, log_gauge, page_reply, read_numbered_page, reply

from ._controller import Controller
from ._plan import Plan, PlanError, build_plan, load_plan
from ._targets import Targets

__all__ = ["Plan", "PlanError", "app", "build_plan", "create", "load_plan"]

_Urls: TypeAlias = dict[str, str]


def create(world: World) -> Starlette:
    """Create the command centre's app.

    Raises:
        PlanError: The plan is invalid, or names a service that has no URL in `TARGETS`.
    """
    plan = load_plan(world.env.get("PLAN"))
    urls = _target_urls(world)
    if missing := sorted(plan.services() - set(urls)):
        raise PlanError(f"plan: TARGETS has no address for {', '.join(missing)}")
    targets = Targets(world, plan, urls)
    controller = Controller(world, plan, targets)

    async def get_plan(_request: Request) -> Response:
        return reply({"stages": controller.stages()})

    async def get_notices(request: Request) -> Response:
        after, limit = read_numbered_page(request)
        page = controller.board.notices[after : after + limit]
        return page_reply(request, page, page[-1].number if page else None, limit)

    return build_app(
        world,
        routes=[Route("/plan", get_plan), Route("/notices", get_notices)],
        status=controller.status,
        background=[
            controller.run_rounds,
            controller.publish_notices,
            partial(log_gauge, world, controller.numbers),
        ],
        on_shutdown=targets.close,
    )


def _target_urls(world: World) -> _Urls:
    try:
        return msgspec.json.decode(world.env.get("TARGETS", "{}"), type=_Urls)
    except msgspec.MsgspecError as error:
        raise PlanError(f"TARGETS: {error}") from error


app = deploy(create)
