"""Command centres that know no order, no gate, no promise, and one language."""

from dataclasses import replace

from msgspec import structs

import services.command
from services.command import Plan, _advance, create, load_plan
from services.command._incident import Incident
from services.command._notice import Board, Notice, Picture
from services.kit import World

from . import planted, telling


def _all_at_once(source: str | None = None) -> Plan:
    plan = load_plan(source)
    stages = {
        name: structs.replace(stage, after=("watchlist",) if stage.after else (), needs=())
        for name, stage in plan.stages.items()
    }
    return replace(plan, stages=stages)


def _as_promised(world: World) -> World:
    plan = load_plan(world.env.get("PLAN"))
    order = {name: stage.after for name, stage in plan.stages.items()}
    return telling(world, "plan", lambda fields: fields.update(stages=order))


wrong_order = planted(create, (services.command, "load_plan", _all_at_once), world=_as_promised)
"""Announces an order and opens everything at once after the first stage."""

no_gate = planted(
    create,
    (_advance, "awaits_entry", lambda *_: ""),
    (_advance, "awaits_exit", lambda *_, **__: ""),
)
"""Opens step after step whether or not the target is ready for it."""


def _everything_needs_everything(source: str | None = None) -> Plan:
    plan = load_plan(source)
    return replace(plan, relying={name: plan.later[name] for name in plan.stages})


spreading = planted(create, (services.command, "load_plan", _everything_needs_everything))
"""Closes whatever comes later in the plan, although it does not need what was lost."""

_update = Board.update


def _once(self: Board, shows: Picture, incident: Incident, now: float) -> Notice | None:
    return None if self.notices else _update(self, shows, incident, now)


silent = planted(create, (Board, "update", _once))
"""Tells the public once."""


def _english_only(world: World) -> World:
    return telling(world, "notice", lambda fields: fields.update(texts=_en(fields["texts"])))


def _en(texts: object) -> dict[str, str]:
    assert isinstance(texts, dict)
    return {"en": texts["en"]}


english = planted(create, world=_english_only)
"""Tells the public in English only."""
