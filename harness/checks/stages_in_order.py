"""Did the stages of the recovery plan come back in its order, gate by gate, all of them?

Read from the plan and its stage events since the first fault. A stage whose first word is
`closed` or `relapsed` was open until then; one that starts by ramping had been closed in silence.
"""

from collections.abc import Iterator, Mapping

from pydantic import Field

from harness.history import Ended, History, Plan, Stage
from harness.scenario import Duration

from ._check import Check, Verdict
from ._match import Names
from ._outage import outages, whole
from ._words import count, duration, listed, proof, real, took

_OPEN = {"ramping", "dwelling", "done"}
_Problem = tuple[str, list[int]]


class StagesInOrder(Check, name="stages_in_order"):
    """Stages open after those they follow, by gated steps, close on relapse, and all get done."""

    service: str | None = Field(default=None, description="Whose plan; without it, the first.")
    stages: Names = Field(default=(), description="Which must get done; without any, all.")
    step: Names = Field(default=(), description="Faults under which none opens; else all.")
    grace: Duration = Field(default=0.0, description="How long the plan may not know of a fault.")
    max_step: float = Field(default=1.0, gt=0, le=1, description="Largest rise of a share.")
    dwell: Duration = Field(default=0.0, description="Shortest time between two rises.")

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        outage = whole(history, self.step)
        if isinstance(outage, str):
            return self.unclear(outage)
        plan = next((p for p in history.of(Plan) if self.service in (None, p.service)), None)
        if plan is None:
            return self.unclear("no recovery plan was announced, so there is no order to keep")
        moves = [s for s in history.of(Stage) if s.service == plan.service and s.t >= outage.asked]
        measured: dict[str, float] = {"stages": len(plan.stages), "moves": len(moves)}
        if not moves:
            return self.unclear("the recovery plan never moved", proof([plan.index]), **measured)
        problems = [
            *self._under_a_fault(history, moves),
            *_walk(plan.stages, moves),
            *self._steps(history, moves),
        ]
        measured["relapses"] = sum(move.state == "relapsed" for move in moves)
        if problems:
            reason, evidence = problems[0]
            more = f" (and {count(len(problems) - 1, 'more breach', 'more breaches')})"
            return self.failed(
                reason + (more if len(problems) > 1 else ""),
                proof([*evidence, *(i for _, indexes in problems[1:] for i in indexes)]),
                **measured,
                breaches=len(problems),
            )
        return self._all_done(history, plan, moves, measured)

    def _all_done(
        self, history: History, plan: Plan, moves: list[Stage], measured: dict[str, float]
    ) -> Verdict:
        last = {move.stage: move for move in moves}
        wanted = self.stages or tuple(plan.stages)
        open_ = [s for s in wanted if s not in last or last[s].state != "done"]
        if open_:
            told = f"{count(len(open_), 'stage')} never came back: {listed(open_)}"
            evidence = [last[stage].index for stage in open_ if stage in last]
            if next(history.of(Ended), None) is None:
                return self.unclear(f"the run was cut short before {told}", proof(evidence))
            return self.failed(told, proof(evidence), **measured, starved=len(open_))
        return self.passed(
            f"{count(len(wanted), 'stage')} came back in the plan's order",
            proof(move.index for move in moves if move.state == "done"),
            **measured,
        )

    def _under_a_fault(self, history: History, moves: list[Stage]) -> Iterator[_Problem]:
        grace = real(history, self.grace)
        for outage in outages(history, self.step):
            end = history.end if outage.lifting is None else outage.lifting
            for move in moves:
                if move.state == "ramping" and outage.start + grace < move.t < end:
                    after = took(history, move.t - outage.start)
                    yield (
                        f"stage {move.stage} opened {after} into {outage.label}, before the heal",
                        [move.index],
                    )

    def _steps(self, history: History, moves: list[Stage]) -> Iterator[_Problem]:
        """Gates held, shares rise, by no more than a step, and no faster than the dwell."""
        rising: dict[str, Stage] = {}
        for move in moves:
            before = rising.get(move.stage)
            share = 0.0 if before is None else before.share
            if move.state in ("closed", "relapsed"):
                rising.pop(move.stage, None)
            if move.state in ("ramping", "done") and not move.gate:
                yield f"stage {move.stage} went on although its gate did not hold", [move.index]
            if move.state != "ramping":
                continue
            if move.share < share:
                told = f"from {share:.0%} back to {move.share:.0%} without being closed"
                yield f"stage {move.stage} went {told}", [move.index]
            if move.share - share > self.max_step + 1e-9:
                told = (
                    f"from {share:.0%} to {move.share:.0%}, more than {self.max_step:.0%} at once"
                )
                yield f"stage {move.stage} jumped {told}", [move.index]
            if before is not None and move.t - before.t < real(history, self.dwell):
                told = f"after {took(history, move.t - before.t)}, not {duration(self.dwell)}"
                yield f"stage {move.stage} took its next step {told}", [move.index, before.index]
            if before is None or move.share != before.share:
                rising[move.stage] = move


def _walk(plan: Mapping[str, tuple[str, ...]], moves: list[Stage]) -> Iterator[_Problem]:
    """Order and relapse: nobody moves forward on ground that has not been regained."""
    state: dict[str, str] = {}
    for move in moves:
        state.setdefault(move.stage, "done" if move.state in ("closed", "relapsed") else "closed")
    owed: dict[str, Stage] = {}
    for move in moves:
        if move.stage not in plan:
            yield f"stage {move.stage} is not in the plan", [move.index]
            continue
        if move.state in _OPEN:
            early = [s for s in plan[move.stage] if state.get(s, "done") != "done"]
            opening = state[move.stage] not in _OPEN or move.state == "ramping"
            if early and opening:
                told = f"before {listed(early)} was done"
                yield f"stage {move.stage} opened {told}", [move.index]
        if move.state == "ramping":
            for stage in [s for s, relapse in owed.items() if relapse.stage == move.stage]:
                relapse = owed.pop(stage)
                told = f"stage {stage} stayed open when {move.stage}, which it follows, relapsed"
                yield told, [relapse.index, move.index]
        if move.state == "relapsed":
            owed |= {s: move for s in _followers(plan, move.stage) if state.get(s) in _OPEN}
        if move.state not in _OPEN:
            owed.pop(move.stage, None)
        state[move.stage] = move.state


def _followers(plan: Mapping[str, tuple[str, ...]], stage: str) -> list[str]:
    """Every stage that comes after `stage`, directly or not, in the plan's order."""
    found: set[str] = set()
    fresh = {stage}
    while fresh:
        fresh = {name for name, before in plan.items() if fresh & set(before)} - found
        found |= fresh
    return [name for name in plan if name in found and name != stage]
