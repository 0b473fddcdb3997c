"""The recovery as a pure function: one round of observations in; new state, events, orders out.

Each round goes through the stages in the plan's order four times:

1. `count`: count the consecutive rounds in which each target was ready or failing.
2. `initialise`: take over the state of a target that is observed for the first time.
3. `close`: close each stage whose target is lost, and the stages that cannot work without it.
4. `open`: take at most one step with each stage that nothing blocks.

An unreachable target is not necessarily lost. A stage that is done closes only on evidence: its
target reports that it has no storage, it has closed itself, or the services that use it (the
stage's witnesses) have fallen back to manual mode as well. Otherwise a command centre whose own
network link is cut would close services that work. A stage that is still opening needs no such
evidence: it is closed again.
"""

from dataclasses import replace

from ._criteria import (
    entry_reason,
    error_reason,
    exit_reason,
    is_failing,
    is_ready,
    predecessor_reason,
    shares_equal,
    total_backlog,
)
from ._loss import loss_reason
from ._observation import UNREACHED, Observation, Observations
from ._plan import Plan
from ._progress import Change, Progress, Recovery, SetShare, State
from ._stage import Stage

_MAX_BACKOFF = 8
"""Each relapse doubles the wait before the next attempt, up to this many dwells."""

_STARTUP_ROUNDS = 6
"""Rounds that a counter may be in manual mode next to an open data center while it starts."""


def initial_recovery(plan: Plan) -> Recovery:
    """Return the recovery before the first round: every stage is unknown, so none is changed."""
    return Recovery({name: Progress() for name in plan.stages})


def reset_relapses(recovery: Recovery) -> Recovery:
    """Return the recovery after the all-clear, with relapses and their waits forgotten."""
    stages = {
        name: replace(progress, reopened=False, relapses=0, not_before=float("-inf"))
        for name, progress in recovery.stages.items()
    }
    return replace(recovery, stages=stages)


def advance(
    plan: Plan, recovery: Recovery, observations: Observations, now: float
) -> tuple[Recovery, list[Change], list[SetShare]]:
    """Take one round.

    Args:
        plan: The plan that is followed.
        recovery: The recovery after the previous round.
        observations: What this round's probes found.
        now: The time of this round, in scenario seconds.

    Returns:
        The recovery after this round, the changes to log, and the orders to send.
    """
    current = _Round(plan, recovery, observations, now)
    for visit in (current.count, current.initialise, current.close, current.open):
        for name in plan.stages:
            visit(name)
    reached = {service: seen for service, seen in observations.items() if seen.reached}
    last_reached = {**recovery.last_reached, **reached}
    return Recovery(current.stages, last_reached), current.changes, current.orders()


class _Round:
    """The stages during one round."""

    def __init__(
        self, plan: Plan, recovery: Recovery, observations: Observations, now: float
    ) -> None:
        self.stages: dict[str, Progress] = dict(recovery.stages)
        self.changes: list[Change] = []
        self._plan = plan
        self._observations = observations
        self._before = recovery.last_reached
        self._now = now

    def count(self, name: str) -> None:
        stage, progress, observation = self._inputs(name)
        progress = _with_baseline(progress, observation)
        has_errors = progress.is_opening and error_reason(stage, progress, observation) != ""
        self.stages[name] = replace(
            progress,
            ready_rounds=progress.ready_rounds + 1 if is_ready(stage, observation) else 0,
            failing_rounds=progress.failing_rounds + 1 if is_failing(stage, observation) else 0,
            error_rounds=progress.error_rounds + 1 if has_errors else 0,
            peak=max(progress.peak, observation.backlog),
        )

    def initialise(self, name: str) -> None:
        stage, progress, observation = self._inputs(name)
        if progress.state != "unknown" or not observation.reached:
            return
        share = observation.share
        if stage.opens == "nothing":
            if any(self.stages[other].state == "unknown" for other in stage.after):
                return
            share = 0.0 if observation.mode == "manual" else 1.0
            may_open = all(self.stages[other].state == "done" for other in stage.after)
            if share == 0.0 and may_open and progress.unapplied_rounds < _STARTUP_ROUNDS:
                # The whole system may be starting: a counter that was up before the data center
                # needs a moment to find it.
                rounds = progress.unapplied_rounds + 1
                self.stages[name] = replace(progress, unapplied_rounds=rounds)
                return
        if share is None:
            return
        steps = [step for step, threshold in enumerate(stage.ramp) if threshold <= share]
        if share >= 1.0:
            self.stages[name] = replace(progress, state="done", reason="found open")
        elif steps:
            reason = f"found at share {share:g}"
            self._transition(name, "dwelling", reason, step=steps[-1], reopened=True)
        else:
            reason = f"found closed: {observation.reason or 'no reason given'}"
            self._transition(name, "closed", reason)

    def close(self, name: str) -> None:
        progress = self.stages[name]
        if progress.is_closed or progress.state == "unknown":
            return
        if reason := loss_reason(*self._inputs(name), self._observations):
            self._close_lost(name, reason)
            return
        for other, dependents in self._plan.dependents.items():
            if name in dependents and self.stages[other].state not in ("done", "unknown"):
                self._transition(name, "closed", f"closed because {other} is not open")
                return
        if progress.is_opening:
            for other in self._plan.stages[name].after:
                if self.stages[other].state != "done":
                    self._transition(name, "closed", f"closed to wait for {other}")
                    return

    def open(self, name: str) -> None:
        if self.stages[name].is_closed:
            self._take_first_step(name)
        elif self.stages[name].state == "ramping":
            self._await_share(name)
        if self.stages[name].state == "dwelling":
            self._take_next_step(name)
        self._log_long_wait(name)

    def orders(self) -> list[SetShare]:
        """Return what to set on the targets: closings in reverse plan order, then openings."""
        closings: list[SetShare] = []
        openings: list[SetShare] = []
        for name in self._plan.stages:
            stage, progress, observation = self._inputs(name)
            share = progress.share(stage)
            if stage.opens == "nothing" or share is None or observation.share is None:
                continue
            if not shares_equal(observation.share, share):
                order = SetShare(stage.target, stage.opens, share, f"{name}: {progress.reason}")
                (closings if share < observation.share else openings).append(order)
        return closings[::-1] + openings

    def _close_lost(self, name: str, reason: str) -> None:
        stage, progress = self._plan.stages[name], self.stages[name]
        if not progress.reopened:
            self._transition(name, "closed", reason)
            return
        # `relapsed` promises that everything after the stage is closed. If later stages stay open,
        # because they work without this one, the loss is no more than `closed`.
        independent = self._plan.successors[name] - self._plan.dependents[name]
        some_stay_open = any(self.stages[other].state == "done" for other in independent)
        wait = stage.dwell * min(2.0**progress.relapses, _MAX_BACKOFF)
        self._transition(
            name,
            "closed" if some_stay_open else "relapsed",
            reason,
            relapses=progress.relapses + 1,
            not_before=self._now + wait,
        )

    def _take_first_step(self, name: str) -> None:
        stage, progress, observation = self._inputs(name)
        blocked = predecessor_reason(self._plan, name, self.stages) or entry_reason(
            stage, progress, observation, self._now
        )
        if blocked:
            self.stages[name] = replace(progress, reason=blocked)
            return
        reason = f"opening {stage.ramp[0]:g} of {stage.target}"
        if stage.opens == "nothing":
            reason = f"waiting for {stage.target} to replay its journal"
        self._transition(name, "ramping", reason, step=0, reopened=True, gate=not blocked)

    def _await_share(self, name: str) -> None:
        stage, progress, observation = self._inputs(name)
        share = stage.ramp[progress.step]
        is_applied = stage.opens == "nothing" or (
            observation.share is not None and shares_equal(observation.share, share)
        )
        if is_applied:
            self._transition(name, "dwelling", f"{stage.target} applied share {share:g}", step=None)
        elif observation.reached:
            self.stages[name] = replace(progress, unapplied_rounds=progress.unapplied_rounds + 1)

    def _take_next_step(self, name: str) -> None:
        stage, progress, observation = self._inputs(name)
        known = {**self._before, **self._observations}
        backlogs = (total_backlog(stage.watch, self._before), total_backlog(stage.watch, known))
        blocked = predecessor_reason(self._plan, name, self.stages) or exit_reason(
            stage, progress, observation, self._now, backlogs=backlogs
        )
        if blocked:
            self.stages[name] = replace(progress, reason=blocked)
        elif progress.step + 1 < len(stage.ramp):
            reason = f"opening {stage.ramp[progress.step + 1]:g} of {stage.target}"
            self._transition(name, "ramping", reason, step=progress.step + 1, gate=not blocked)
        else:
            reason = f"{stage.target} is stable"
            self._transition(name, "done", reason, step=None, gate=not blocked)

    def _log_long_wait(self, name: str) -> None:
        """Log what a stage waits for whenever the plan's `patience` runs out.

        Later stages log nothing, because they wait for this one.
        """
        progress = self.stages[name]
        is_waiting = progress.is_closed or progress.is_opening
        is_first = all(
            self.stages[other].state == "done" for other in self._plan.stages[name].after
        )
        if is_waiting and is_first and self._now - progress.logged_at >= self._plan.patience:
            self._log_change(name, f"still waiting: {progress.reason}")

    def _transition(
        self,
        name: str,
        state: State,
        reason: str,
        *,
        step: int | None = -1,
        reopened: bool | None = None,
        relapses: int | None = None,
        not_before: float | None = None,
        gate: bool = True,
    ) -> None:
        """Change a stage's state and log the change.

        Args:
            name: The stage.
            state: Its new state.
            reason: Why it changes.
            step: The new step; None keeps the step and the time at which it began.
            reopened: The new value of `Progress.reopened`; None keeps it.
            relapses: The new value of `Progress.relapses`; None keeps it.
            not_before: The new value of `Progress.not_before`; None keeps it.
            gate: Whether the criteria for the change held; closing has none.
        """
        _, progress, observation = self._inputs(name)
        if step is not None:
            progress = replace(
                progress,
                step=step,
                since=self._now,
                peak=observation.backlog,
                received=observation.received,
                failed=observation.failed,
            )
        progress = replace(
            progress,
            state=state,
            reason=reason,
            error_rounds=0,
            unapplied_rounds=0,
            reopened=progress.reopened if reopened is None else reopened,
            relapses=progress.relapses if relapses is None else relapses,
            not_before=progress.not_before if not_before is None else not_before,
        )
        if progress.is_closed:
            # A target that was lost although it was ready must be ready again before it opens.
            progress = replace(progress, ready_rounds=0, close_reason=reason)
        self.stages[name] = progress
        self._log_change(name, reason, gate=gate)

    def _log_change(self, name: str, reason: str, *, gate: bool = True) -> None:
        progress = self.stages[name]
        share = progress.share(self._plan.stages[name]) or 0.0
        self.changes.append(Change(name, progress.state, share, gate, reason))
        self.stages[name] = replace(progress, logged_at=self._now)

    def _inputs(self, name: str) -> tuple[Stage, Progress, Observation]:
        stage = self._plan.stages[name]
        return stage, self.stages[name], self._observations.get(stage.target, UNREACHED)


def _with_baseline(progress: Progress, observation: Observation) -> Progress:
    """Return `progress` with request counts that later ones can be compared with.

    A target that was not asked when the step was taken, or that has restarted since, is counted
    from now on, so that failures from before the step are not held against it.
    """
    restarted = observation.received is not None and observation.received < (progress.received or 0)
    if observation.received is None or not (progress.received is None or restarted):
        return progress
    return replace(progress, received=observation.received, failed=observation.failed)
