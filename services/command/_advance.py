"""The pure recovery: what was seen in one round, in; the new state, events and actions, out.

Each round goes through the stages in the plan's order and does four things:

1. `look`: count in how many rounds in a row each target was ready, or amiss.
2. `adopt`: take over a target that was not seen since the start, as it is.
3. `close`: what is lost, and what cannot work without it.
4. `open`: one step for each stage that nothing holds back.

Losing sight is not the same as being lost. A stage that is done closes only for what can be shown:
its target says that it has no storage, has closed itself, or its users (the stage's witnesses) have
fallen back to manual work as well. Otherwise a command centre whose own line is cut would take a
working data plane down. A stage on its way up is not given that credit: it goes back to closed.
"""

from collections.abc import Mapping
from dataclasses import replace

from ._criteria import (
    awaits_entry,
    awaits_exit,
    awaits_others,
    backlog,
    fit,
    is_amiss,
    same_share,
    too_many_errors,
)
from ._loss import shows_loss
from ._plan import Plan
from ._progress import Change, Progress, Recovery, SetShare, State
from ._sight import UNSEEN, Observation, Sight
from ._stage import Stage

_LONGEST_WAIT = 8
"""Relapses double the wait before the next try, up to this many dwells."""

_STARTING = 6
"""Rounds that a counter may work by hand next to an open data center before that is a finding."""

_ON_ITS_WAY = ("ramping", "dwelling")
_SHUT = ("closed", "relapsed")


def begin(plan: Plan) -> Recovery:
    """The recovery before anything was seen: nothing is known, so nothing is touched."""
    return Recovery({name: Progress() for name in plan.stages})


def settle(recovery: Recovery) -> Recovery:
    """The recovery after the all-clear: relapses are forgotten."""
    stages = {
        name: replace(progress, ran=False, relapses=0, not_before=float("-inf"))
        for name, progress in recovery.stages.items()
    }
    return replace(recovery, stages=stages)


def advance(
    plan: Plan, recovery: Recovery, observation: Observation, now: float
) -> tuple[Recovery, list[Change], list[SetShare]]:
    """One round at `now`, in seconds of life."""
    turn = _Round(plan, recovery, observation, now)
    for name in plan.stages:
        turn.look(name)
    for name in plan.stages:
        turn.adopt(name)
    for name in plan.stages:
        turn.close(name)
    for name in plan.stages:
        turn.open(name)
    seen = {**recovery.seen, **{s: sight for s, sight in observation.items() if sight.reached}}
    return Recovery(turn.stages, seen), turn.changes, turn.actions()


class _Round:
    """The stages while one round is taken."""

    def __init__(
        self, plan: Plan, recovery: Recovery, observation: Observation, now: float
    ) -> None:
        self.stages: dict[str, Progress] = dict(recovery.stages)
        self.changes: list[Change] = []
        self._plan = plan
        self._observation = observation
        self._before: Mapping[str, Sight] = recovery.seen
        self._now = now

    def look(self, name: str) -> None:
        stage, progress, sight = self._at(name)
        progress = _counted(progress, sight)
        amiss = is_amiss(stage, sight)
        erring = progress.state in _ON_ITS_WAY and too_many_errors(stage, progress, sight) != ""
        self.stages[name] = replace(
            progress,
            ready=progress.ready + 1 if fit(stage, sight) else 0,
            amiss=progress.amiss + 1 if amiss else 0,
            erring=progress.erring + 1 if erring else 0,
            peak=max(progress.peak, sight.backlog),
        )

    def adopt(self, name: str) -> None:
        stage, progress, sight = self._at(name)
        if progress.state != "unknown" or not sight.reached:
            return
        share = sight.share
        if stage.opens == "nothing":
            if any(self.stages[other].state == "unknown" for other in stage.after):
                return
            share = 0.0 if sight.mode == "manual" else 1.0
            freed = all(self.stages[other].state == "done" for other in stage.after)
            if share == 0.0 and freed and progress.untaken < _STARTING:
                # The whole system may be starting: a counter that was up before the data center
                # needs a moment to find it.
                self.stages[name] = replace(progress, untaken=progress.untaken + 1)
                return
        if share is None:
            return
        steps = [step for step, its in enumerate(stage.ramp) if its <= share]
        if share >= 1.0:
            self.stages[name] = replace(progress, state="done", reason="was found open")
        elif steps:
            self._move(name, "dwelling", f"was found at share {share:g}", step=steps[-1], ran=True)
        else:
            self._move(name, "closed", f"was found closed: {sight.reason or 'no reason given'}")

    def close(self, name: str) -> None:
        progress = self.stages[name]
        if progress.state in _SHUT or progress.state == "unknown":
            return
        if lost := shows_loss(*self._at(name), self._observation):
            self._lose(name, lost)
            return
        for other, relying in self._plan.relying.items():
            if name in relying and self.stages[other].state not in ("done", "unknown"):
                self._move(name, "closed", f"closes with {other}")
                return
        if progress.state in _ON_ITS_WAY:
            for other in self._plan.stages[name].after:
                if self.stages[other].state != "done":
                    self._move(name, "closed", f"goes back to wait for {other}")
                    return

    def open(self, name: str) -> None:
        match self.stages[name].state:
            case "closed" | "relapsed":
                self._enter(name)
            case "ramping":
                self._take_on(name)
            case _:
                pass
        if self.stages[name].state == "dwelling":
            self._step(name)
        self._remind(name)

    def actions(self) -> list[SetShare]:
        """Closings first, those at the end of the line before those that feed them."""
        closings: list[SetShare] = []
        openings: list[SetShare] = []
        for name in self._plan.stages:
            stage, progress, sight = self._at(name)
            want = progress.share(stage)
            if stage.opens == "nothing" or want is None or sight.share is None:
                continue
            if not same_share(sight.share, want):
                action = SetShare(stage.target, stage.opens, want, f"{name}: {progress.reason}")
                (closings if want < sight.share else openings).append(action)
        return closings[::-1] + openings

    def _lose(self, name: str, why: str) -> None:
        stage, progress = self._plan.stages[name], self.stages[name]
        if not progress.ran:
            self._move(name, "closed", why)
            return
        # `relapsed` promises that everything after the stage is closed. A loss that leaves some of
        # it open, because it works without this stage, is no more than `closed`.
        spared = self._plan.later[name] - self._plan.relying[name]
        alone = any(self.stages[other].state == "done" for other in spared)
        wait = stage.dwell * min(2.0**progress.relapses, _LONGEST_WAIT)
        self._move(
            name,
            "closed" if alone else "relapsed",
            why,
            relapses=progress.relapses + 1,
            not_before=self._now + wait,
        )

    def _enter(self, name: str) -> None:
        stage, progress, sight = self._at(name)
        why = awaits_others(self._plan, name, self.stages) or awaits_entry(
            stage, progress, sight, self._now
        )
        if why:
            self.stages[name] = replace(progress, reason=why)
            return
        opened = f"opens {stage.ramp[0]:g} of {stage.target}"
        if stage.opens == "nothing":
            opened = f"watches {stage.target} enter its journal"
        self._move(name, "ramping", opened, step=0, ran=True, gate=not why)

    def _take_on(self, name: str) -> None:
        stage, progress, sight = self._at(name)
        share = stage.ramp[progress.step]
        taken = stage.opens == "nothing" or (
            sight.share is not None and same_share(sight.share, share)
        )
        if taken:
            self._move(name, "dwelling", f"{stage.target} took on share {share:g}", step=None)
        elif sight.reached:
            self.stages[name] = replace(progress, untaken=progress.untaken + 1)

    def _step(self, name: str) -> None:
        stage, progress, sight = self._at(name)
        seen = {**self._before, **self._observation}
        entered = (backlog(stage.watch, self._before), backlog(stage.watch, seen))
        why = awaits_others(self._plan, name, self.stages) or awaits_exit(
            stage, progress, sight, self._now, entered=entered
        )
        if why:
            self.stages[name] = replace(progress, reason=why)
        elif progress.step + 1 < len(stage.ramp):
            share = stage.ramp[progress.step + 1]
            opened = f"opens {share:g} of {stage.target}"
            self._move(name, "ramping", opened, step=progress.step + 1, gate=not why)
        else:
            self._move(name, "done", f"{stage.target} holds", step=None, gate=not why)

    def _remind(self, name: str) -> None:
        """No stage waits for ever without saying why; those behind it have said for whom."""
        progress = self.stages[name]
        waits = progress.state in _SHUT or progress.state in _ON_ITS_WAY
        first = all(self.stages[other].state == "done" for other in self._plan.stages[name].after)
        if waits and first and self._now - progress.told >= self._plan.patience:
            self._tell(name, f"still waits: {progress.reason}")

    def _move(
        self,
        name: str,
        state: State,
        reason: str,
        *,
        step: int | None = -1,
        ran: bool | None = None,
        relapses: int | None = None,
        not_before: float | None = None,
        gate: bool = True,
    ) -> None:
        """Take a stage to `state`. `step` None: the step stays, and with it the time it began.

        `gate`: whether what had to hold before did; nothing has to before a stage is closed.
        """
        progress, sight = self.stages[name], self._observation.get(self._target(name), UNSEEN)
        if step is not None:
            progress = replace(
                progress,
                step=step,
                since=self._now,
                peak=sight.backlog,
                received=sight.received,
                failed=sight.failed,
            )
        self.stages[name] = replace(
            progress,
            state=state,
            reason=reason,
            # What was seen ready and lost all the same has to be seen ready anew.
            ready=0 if state in _SHUT else progress.ready,
            lost=reason if state in _SHUT else progress.lost,
            erring=0,
            untaken=0,
            ran=progress.ran if ran is None else ran,
            relapses=progress.relapses if relapses is None else relapses,
            not_before=progress.not_before if not_before is None else not_before,
        )
        self._tell(name, reason, gate=gate)

    def _tell(self, name: str, reason: str, *, gate: bool = True) -> None:
        progress = self.stages[name]
        share = progress.share(self._plan.stages[name]) or 0.0
        self.changes.append(Change(name, progress.state, share, gate, reason))
        self.stages[name] = replace(progress, told=self._now)

    def _at(self, name: str) -> tuple[Stage, Progress, Sight]:
        stage = self._plan.stages[name]
        return stage, self.stages[name], self._observation.get(stage.target, UNSEEN)

    def _target(self, name: str) -> str:
        return self._plan.stages[name].target


def _counted(progress: Progress, sight: Sight) -> Progress:
    """`progress` with counts to compare with: a target that was not asked when the step was taken,
    or has started anew since, is counted from here on and not from its beginning."""
    anew = sight.received is not None and sight.received < (progress.received or 0)
    if sight.received is None or not (progress.received is None or anew):
        return progress
    return replace(progress, received=sight.received, failed=sight.failed)
