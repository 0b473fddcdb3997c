"""The recovery plan: stages in a directed graph without cycles, checked when it is loaded.

watchlist -> border -> journal-cgk -> autogate-cgk
                    \\-> journal-dps --------------\\-> autogate-dps
                    \\-> visa, stay-permit -> passport
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import msgspec

from ._default import DEFAULT
from ._stage import Stage


class PlanError(ValueError):
    """The plan cannot be followed; the text says where and why."""


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stages: dict[str, Stage]
    patience: float = 21600.0


@dataclass(frozen=True)
class Plan:
    """Stages in an order in which each comes after those it waits for."""

    stages: Mapping[str, Stage]
    patience: float
    """How long a stage may wait in silence before it says again what it waits for."""
    later: Mapping[str, frozenset[str]]
    """For each stage, all that come after it."""
    relying: Mapping[str, frozenset[str]]
    """For each stage, all that cannot work without it."""

    def needs(self, name: str) -> tuple[str, ...]:
        """The stages without which `name` cannot work."""
        stage = self.stages[name]
        return stage.after if stage.needs is None else stage.needs

    def services(self) -> frozenset[str]:
        """Every service that the plan mentions."""
        named: set[str] = set()
        for stage in self.stages.values():
            named.update((stage.target, *stage.watch, *stage.witnesses, *stage.surge))
        return frozenset(named)

    def paced(self, machine: Callable[[float], float]) -> "Plan":
        """The same plan with every duration as `machine` allows."""
        stages = {
            name: msgspec.structs.replace(stage, dwell=machine(stage.dwell))
            for name, stage in self.stages.items()
        }
        return replace(self, stages=stages, patience=machine(self.patience))


def load_plan(source: str | None = None) -> Plan:
    """The plan in a file or a JSON text; the default one if there is neither.

    Raises:
        PlanError: the plan is unreadable, has a cycle, an unknown stage, or a ramp without steps.
    """
    try:
        if source is None or not source.strip():
            written = msgspec.convert(DEFAULT, _Written)
        else:
            text = source if source.lstrip().startswith("{") else Path(source).read_text("utf-8")
            written = msgspec.json.decode(text, type=_Written)
    except OSError as error:
        raise PlanError(f"plan {source}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PlanError(f"plan: {error}") from error
    return build_plan(written.stages, patience=written.patience)


def build_plan(stages: Mapping[str, Stage], *, patience: float = 21600.0) -> Plan:
    """The plan of these stages.

    Raises:
        PlanError: see `load_plan`.
    """
    if not stages:
        raise PlanError("plan: it has no stages")
    if not patience > 0:
        raise PlanError(f"plan: `patience` must be positive, not {patience:g}")
    for name, stage in stages.items():
        _check(name, stage, stages)
    order = _order(stages)
    plan = Plan({name: stages[name] for name in order}, patience, {}, {})
    later = _descendants(order, lambda name: stages[name].after)
    relying = _descendants(order, plan.needs)
    for name in order:
        for other in plan.needs(name):
            if name not in later[other]:
                raise PlanError(f"stage {name}: it needs {other}, but does not come after it")
    return replace(plan, later=later, relying=relying)


def _check(name: str, stage: Stage, stages: Mapping[str, Stage]) -> None:
    for other in (*stage.after, *(stage.needs or ())):
        if other not in stages:
            raise PlanError(f"stage {name}: there is no stage {other!r} for it to come after")
    if not stage.ramp:
        raise PlanError(f"stage {name}: `ramp` is empty; its last step must be 1")
    if stage.ramp[-1] != 1.0 or stage.ramp[0] <= 0.0:
        raise PlanError(f"stage {name}: `ramp` must rise from above 0 to 1, not {stage.ramp}")
    if any(second <= first for first, second in pairwise(stage.ramp)):
        raise PlanError(f"stage {name}: `ramp` must rise with each step, not {stage.ramp}")
    if stage.opens == "nothing" and len(stage.ramp) > 1:
        raise PlanError(f"stage {name}: it opens nothing, so `ramp` must be [1]")
    if not 0 <= stage.dwell < float("inf"):
        raise PlanError(f"stage {name}: `dwell` must not be negative or endless")
    if stage.ready_for < 1:
        raise PlanError(f"stage {name}: `ready_for` must be at least 1")
    if not 0 <= stage.max_errors <= 1:
        raise PlanError(f"stage {name}: `max_errors` is a share, 0 to 1")
    for other, its in stages.items():
        if other != name and (its.target, its.opens) == (stage.target, stage.opens):
            raise PlanError(f"stage {name}: {other} opens {stage.target} as well")


def _order(stages: Mapping[str, Stage]) -> list[str]:
    """A topological order that keeps the written order where it can."""
    order: list[str] = []
    left = list(stages)
    while left:
        free = next((s for s in left if all(p in order for p in stages[s].after)), None)
        if free is None:
            raise PlanError(
                f"plan: stages wait for each other in a circle: {_circle(stages, left)}"
            )
        order.append(free)
        left.remove(free)
    return order


def _circle(stages: Mapping[str, Stage], left: list[str]) -> str:
    path = [left[0]]
    while True:
        following = next(p for p in stages[path[-1]].after if p in left)
        if following in path:
            return " -> ".join([*path[path.index(following) :], following])
        path.append(following)


def _descendants(
    order: list[str], before: Callable[[str], Iterable[str]]
) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {name: set() for name in order}
    for name in reversed(order):
        for other in before(name):
            found[other] |= {name} | found[name]
    return {name: frozenset(names) for name, names in found.items()}
