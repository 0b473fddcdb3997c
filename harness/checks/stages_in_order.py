"""Do the stages of the recovery plan come back in its order, step by step, all of them?

Judges the plan and its stage events since the first fault. A stage whose first event is `closed` or
`relapsed` was open until then; one whose first event is `ramping` had been closed without an event.
"""

from collections.abc import Iterator, Mapping

from pydantic import Field

from harness.history import Ended, History, Plan, Stage
from harness.scenario import Duration

from ._check import Check, Verdict, as_evidence
from ._durations import duration_text, elapsed_text, wall_seconds
from ._match import Names
from ._named import OptionalService, Steps
from ._outage import combined_outage, outages
from ._text import count_text, list_text

_OPEN = {"ramping", "dwelling", "done"}
_Problem = tuple[str, list[int]]
"""The reason of a failure, and the indexes of the events that prove it."""


class StagesInOrder(Check, name="stages_in_order"):
    """Passes if stages open after those they depend on, in gated steps, and all are done at last.

    Fails if one opens too early or too fast, stays open after a relapse, or never comes back.

    Measured:
        stages: stages of the plan, number.
        moves: stage events since the first fault, number.
        relapses: stage events with the state `relapsed`, number; not a violation by themselves.
        breaches: violations of the plan, number; only in a failure.
        starved: stages that never came back, number; only in a failure.
    """

    service: OptionalService = Field(
        default=None, description="The service that follows the plan; the first if not given."
    )
    stages: Names = Field(default=(), description="Stages that must be done; all if empty.")
    step: Steps = Field(
        default=(), description="Fault steps during which no stage may open; all if empty."
    )
    grace: Duration = Field(
        default=0.0, description="Time after a fault in which the plan may not have detected it."
    )
    max_step: float = Field(
        default=1.0, gt=0, le=1, description="Largest rise of a stage's share in one step."
    )
    dwell: Duration = Field(default=0.0, description="Shortest time between two rises of a stage.")

    def judge(self, history: History) -> Verdict:
        """Follow the stage events since the first fault."""
        outage = combined_outage(history, self.step)
        if isinstance(outage, str):
            return self.inconclusive(outage)
        plan = next((p for p in history.of(Plan) if self.service in (None, p.service)), None)
        if plan is None:
            return self.inconclusive("no recovery plan was logged, so there is no order to judge")
        moves = [
            s for s in history.of(Stage) if s.service == plan.service and s.t >= outage.asked_at
        ]
        measured: dict[str, float] = {"stages": len(plan.stages), "moves": len(moves)}
        if not moves:
            reason = "no stage of the recovery plan moved"
            return self.inconclusive(reason, as_evidence([plan.index]), **measured)
        problems = [
            *self._opened_during_fault(history, moves),
            *_out_of_order(plan.stages, moves),
            *self._bad_steps(history, moves),
        ]
        measured["relapses"] = sum(move.state == "relapsed" for move in moves)
        if problems:
            reason, evidence = problems[0]
            more = f" (and {count_text(len(problems) - 1, 'more breach', 'more breaches')})"
            return self.failed(
                reason + (more if len(problems) > 1 else ""),
                as_evidence([*evidence, *(i for _, indexes in problems[1:] for i in indexes)]),
                **measured,
                breaches=len(problems),
            )
        return self._judge_end(history, plan, moves, measured)

    def _judge_end(
        self, history: History, plan: Plan, moves: list[Stage], measured: dict[str, float]
    ) -> Verdict:
        last = {move.stage: move for move in moves}
        wanted = self.stages or tuple(plan.stages)
        missing = [s for s in wanted if s not in last or last[s].state != "done"]
        if missing:
            stages = count_text(len(missing), "stage")
            evidence = as_evidence(last[stage].index for stage in missing if stage in last)
            if next(history.of(Ended), None) is None:
                reason = f"the run was cut short before {stages} came back: {list_text(missing)}"
                return self.inconclusive(reason, evidence)
            reason = f"{stages} never came back: {list_text(missing)}"
            return self.failed(reason, evidence, **measured, starved=len(missing))
        return self.passed(
            f"{count_text(len(wanted), 'stage')} came back in the plan's order",
            as_evidence(move.index for move in moves if move.state == "done"),
            **measured,
        )

    def _opened_during_fault(self, history: History, moves: list[Stage]) -> Iterator[_Problem]:
        grace = wall_seconds(history, self.grace)
        for outage in outages(history, self.step):
            end = history.end if outage.heal_start is None else outage.heal_start
            for move in moves:
                if move.state == "ramping" and outage.start + grace < move.t < end:
                    after = elapsed_text(history, move.t - outage.start)
                    yield (
                        f"stage {move.stage} opened {after} into {outage.label}, before the heal",
                        [move.index],
                    )

    def _bad_steps(self, history: History, moves: list[Stage]) -> Iterator[_Problem]:
        """Yield steps without a gate that held, too large, too soon, or back to a smaller share."""
        rising: dict[str, Stage] = {}
        for move in moves:
            before = rising.get(move.stage)
            share = 0.0 if before is None else before.share
            if move.state in ("closed", "relapsed"):
                rising.pop(move.stage, None)
            if move.state in ("ramping", "done") and not move.gate:
                reason = f"stage {move.stage} advanced although its gate did not hold"
                yield reason, [move.index]
            if move.state != "ramping":
                continue
            step = f"from {share:.0%} to {move.share:.0%}"
            if move.share < share:
                yield f"stage {move.stage} fell {step} without being closed", [move.index]
            if move.share - share > self.max_step + 1e-9:
                reason = f"stage {move.stage} rose {step}, more than {self.max_step:.0%} at once"
                yield reason, [move.index]
            if before is not None and move.t - before.t < wall_seconds(history, self.dwell):
                reason = (
                    f"stage {move.stage} took its next step after "
                    f"{elapsed_text(history, move.t - before.t)}, where at least "
                    f"{duration_text(self.dwell)} are required"
                )
                yield reason, [move.index, before.index]
            if before is None or move.share != before.share:
                rising[move.stage] = move


def _out_of_order(plan: Mapping[str, tuple[str, ...]], moves: list[Stage]) -> Iterator[_Problem]:
    """Yield stages that opened before those they depend on, or stayed open when one relapsed."""
    state: dict[str, str] = {}
    for move in moves:
        state.setdefault(move.stage, "done" if move.state in ("closed", "relapsed") else "closed")
    must_close: dict[str, Stage] = {}
    """Stages that are open although a stage before them relapsed, with that relapse."""
    for move in moves:
        if move.stage not in plan:
            yield f"stage {move.stage} is not in the plan", [move.index]
            continue
        if move.state in _OPEN:
            early = [s for s in plan[move.stage] if state.get(s, "done") != "done"]
            opening = state[move.stage] not in _OPEN or move.state == "ramping"
            if early and opening:
                yield f"stage {move.stage} opened before {list_text(early)} was done", [move.index]
        if move.state == "ramping":
            for stage in [s for s, relapse in must_close.items() if relapse.stage == move.stage]:
                relapse = must_close.pop(stage)
                reason = f"stage {stage} stayed open when {move.stage}, which it follows, relapsed"
                yield reason, [relapse.index, move.index]
        if move.state == "relapsed":
            must_close |= {s: move for s in _followers(plan, move.stage) if state.get(s) in _OPEN}
        if move.state not in _OPEN:
            must_close.pop(move.stage, None)
        state[move.stage] = move.state


def _followers(plan: Mapping[str, tuple[str, ...]], stage: str) -> list[str]:
    """Return every stage that depends on `stage`, directly or not, in the plan's order."""
    found: set[str] = set()
    fresh = {stage}
    while fresh:
        fresh = {name for name, before in plan.items() if fresh & set(before)} - found
        found |= fresh
    return [name for name in plan if name in found and name != stage]
