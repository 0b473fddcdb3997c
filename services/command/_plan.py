"""The recovery plan: stages in a directed acyclic graph, validated when it is loaded.

The default plan:

watchlist -> border -> journal-cgk -> autogate-cgk
                    \\-> journal-dps --------------\\-> autogate-dps
                    \\-> visa, stay-permit -> passport
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import msgspec

from ._default_plan import DEFAULT_PLAN
from ._stage import Stage


class PlanError(ValueError):
    """The plan is invalid; the message says where and why."""


class _PlanFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a plan file, before validation."""

    stages: dict[str, Stage]
    patience: float = 21600.0


@dataclass(frozen=True)
class Plan:
    """The stages in topological order: each comes after the stages that it waits for."""

    stages: Mapping[str, Stage]
    patience: float
    """Time after which a waiting stage logs again what it waits for, in scenario seconds."""
    successors: Mapping[str, frozenset[str]]
    """For each stage, all stages that come after it, directly or not."""
    dependents: Mapping[str, frozenset[str]]
    """For each stage, all stages that cannot work without it, directly or not."""

    def needs(self, name: str) -> tuple[str, ...]:
        """Return the stages without which `name` cannot work."""
        stage = self.stages[name]
        return stage.after if stage.needs is None else stage.needs

    def services(self) -> frozenset[str]:
        """Return the names of all services that the plan mentions."""
        named: set[str] = set()
        for stage in self.stages.values():
            named.update((stage.target, *stage.watch, *stage.witnesses, *stage.surge))
        return frozenset(named)

    def paced(self, machine: Callable[[float], float]) -> "Plan":
        """Return the plan with every duration passed through `machine`, which applies a minimum."""
        stages = {
            name: msgspec.structs.replace(stage, dwell=machine(stage.dwell))
            for name, stage in self.stages.items()
        }
        return replace(self, stages=stages, patience=machine(self.patience))


def load_plan(source: str | None = None) -> Plan:
    """Load and validate a plan.

    Args:
        source: The path of a JSON file, or the JSON text itself; None or empty for the default.

    Raises:
        PlanError: The plan is unreadable, has a cycle, an unknown stage, or an invalid value.
    """
    try:
        if source is None or not source.strip():
            plan = msgspec.convert(DEFAULT_PLAN, _PlanFile)
        else:
            text = source if source.lstrip().startswith("{") else Path(source).read_text("utf-8")
            plan = msgspec.json.decode(text, type=_PlanFile)
    except OSError as error:
        raise PlanError(f"plan {source}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PlanError(f"plan: {error}") from error
    return build_plan(plan.stages, patience=plan.patience)


def build_plan(stages: Mapping[str, Stage], *, patience: float = 21600.0) -> Plan:
    """Validate stages and return the plan that they form; `patience` is in scenario seconds.

    Raises:
        PlanError: As for `load_plan`.
    """
    if not stages:
        raise PlanError("plan: `stages` is empty; write at least one stage")
    if not patience > 0:
        raise PlanError(f"plan: `patience` must be positive, not {patience:g}")
    for name, stage in stages.items():
        _validate(name, stage, stages)
    order = _topological_order(stages)
    plan = Plan({name: stages[name] for name in order}, patience, {}, {})
    successors = _descendants(order, lambda name: stages[name].after)
    dependents = _descendants(order, plan.needs)
    for name in order:
        for other in plan.needs(name):
            if name not in successors[other]:
                raise PlanError(
                    f"stage {name}: `needs` names {other}, but the stage does not come after it; "
                    f"add {other} to `after`"
                )
    return replace(plan, successors=successors, dependents=dependents)


def _validate(name: str, stage: Stage, stages: Mapping[str, Stage]) -> None:
    for other in (*stage.after, *(stage.needs or ())):
        if other not in stages:
            raise PlanError(f"stage {name}: `after` or `needs` names {other!r}, which is no stage")
    if not stage.ramp:
        raise PlanError(f"stage {name}: `ramp` is empty; its last step must be 1")
    if stage.ramp[-1] != 1.0 or stage.ramp[0] <= 0.0:
        raise PlanError(f"stage {name}: `ramp` must rise from above 0 to 1, not {stage.ramp}")
    if any(second <= first for first, second in pairwise(stage.ramp)):
        raise PlanError(f"stage {name}: `ramp` must rise with each step, not {stage.ramp}")
    if stage.opens == "nothing" and len(stage.ramp) > 1:
        raise PlanError(f"stage {name}: `opens` is nothing, so `ramp` must be [1]")
    if not 0 <= stage.dwell < float("inf"):
        raise PlanError(f"stage {name}: `dwell` must be finite and at least 0, not {stage.dwell:g}")
    if stage.ready_for < 1:
        raise PlanError(f"stage {name}: `ready_for` must be at least 1, not {stage.ready_for}")
    if not 0 <= stage.max_errors <= 1:
        raise PlanError(
            f"stage {name}: `max_errors` must be a share from 0 to 1, not {stage.max_errors:g}"
        )
    for other, other_stage in stages.items():
        if other != name and (other_stage.target, other_stage.opens) == (stage.target, stage.opens):
            raise PlanError(
                f"stage {name}: stage {other} opens {stage.target} too; remove one of the two"
            )


def _topological_order(stages: Mapping[str, Stage]) -> list[str]:
    """Return the stages in topological order, keeping the written order where possible."""
    order: list[str] = []
    remaining = list(stages)
    while remaining:
        free = next((s for s in remaining if all(p in order for p in stages[s].after)), None)
        if free is None:
            cycle = _cycle_text(stages, remaining)
            raise PlanError(f"plan: stages wait for each other in a cycle: {cycle}")
        order.append(free)
        remaining.remove(free)
    return order


def _cycle_text(stages: Mapping[str, Stage], remaining: list[str]) -> str:
    path = [remaining[0]]
    while True:
        following = next(p for p in stages[path[-1]].after if p in remaining)
        if following in path:
            return " -> ".join([*path[path.index(following) :], following])
        path.append(following)


def _descendants(
    order: list[str], before: Callable[[str], Iterable[str]]
) -> dict[str, frozenset[str]]:
    """Return for each stage all that follow it, where `before` gives the direct predecessors."""
    found: dict[str, set[str]] = {name: set() for name in order}
    for name in reversed(order):
        for other in before(name):
            found[other] |= {name} | found[name]
    return {name: frozenset(names) for name, names in found.items()}
