"""Command centres that ignore the plan's order or criteria, or fail to inform the public."""

from dataclasses import replace

from msgspec import structs

import services.command
from services.command import Plan, _advance, create, load_plan
from services.command._incident import Incident
from services.command._notice import Notice, NoticeBoard, StatusSummary
from services.kit import World

from . import planted, with_changed_event


def _load_plan_without_order(source: str | None = None) -> Plan:
    plan = load_plan(source)
    stages = {
        name: structs.replace(stage, after=("watchlist",) if stage.after else (), needs=())
        for name, stage in plan.stages.items()
    }
    return replace(plan, stages=stages)


def _with_true_plan_event(world: World) -> World:
    plan = load_plan(world.env.get("PLAN"))
    order = {name: stage.after for name, stage in plan.stages.items()}
    return with_changed_event(world, "plan", lambda fields: fields.update(stages=order))


wrong_order = planted(
    create, (services.command, "load_plan", _load_plan_without_order), world=_with_true_plan_event
)
"""Logs the plan's order, and opens all stages at once after the first."""

no_gate = planted(
    create,
    (_advance, "entry_reason", lambda *_: ""),
    (_advance, "exit_reason", lambda *_, **__: ""),
)
"""Takes every step whether or not its criteria hold."""


def _load_plan_with_all_dependent(source: str | None = None) -> Plan:
    plan = load_plan(source)
    return replace(plan, dependents={name: plan.successors[name] for name in plan.stages})


spreading = planted(create, (services.command, "load_plan", _load_plan_with_all_dependent))
"""Closes all later stages of a lost one, although they do not need it."""

_update = NoticeBoard.update


def _update_once(
    self: NoticeBoard, summary: StatusSummary, incident: Incident, now: float
) -> Notice | None:
    return None if self.notices else _update(self, summary, incident, now)


silent = planted(create, (NoticeBoard, "update", _update_once))
"""Publishes one notice, and no more."""


def _with_english_notices(world: World) -> World:
    return with_changed_event(
        world, "notice", lambda fields: fields.update(texts=_english(fields["texts"]))
    )


def _english(texts: object) -> dict[str, str]:
    assert isinstance(texts, dict)
    return {"en": texts["en"]}


english = planted(create, world=_with_english_notices)
"""Publishes notices in English only."""
