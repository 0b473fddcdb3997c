"""The recovery controller: probes targets, follows the plan, sends orders and publishes notices."""

from collections.abc import Mapping

from services.kit import World

from ._advance import advance, initial_recovery, reset_relapses
from ._incident import Incident, update_incident
from ._notice import NoticeBoard, summarize
from ._plan import Plan
from ._progress import Order, Progress
from ._targets import Targets


class Controller:
    """Follows one plan for as long as the process lives."""

    def __init__(self, world: World, plan: Plan, targets: Targets) -> None:
        clock = world.clock
        self._world = world
        self._targets = targets
        self._every = clock.with_floor(world.seconds("PROBE_EVERY", 300))
        self._plan = plan.paced(clock.with_floor)
        self._recovery = initial_recovery(plan)
        self._incident = Incident()
        self.board = NoticeBoard(plan, world.seconds("NOTICE_EVERY", 21600), clock.with_floor(60))

    async def run_rounds(self) -> None:
        """Run round after round, one every `PROBE_EVERY`; never return.

        A round that takes longer than the interval is followed by the next with little pause.
        """
        clock = self._world.clock
        self._world.log(
            "plan", stages={name: stage.after for name, stage in self._plan.stages.items()}
        )
        while True:
            began = clock.now()
            await self._run_round(began)
            await clock.sleep(max(began + self._every - clock.now(), self._every / 10))

    async def publish_notices(self) -> None:
        """Publish notices when they are due, even while a round waits for its probes; never return.

        An incident may begin during a sleep. No sleep is longer than the interval between two
        notices, so the second notice of that incident is still in time.
        """
        clock = self._world.clock
        while True:
            wait = self.board.wait(clock.now())
            await clock.sleep(min(max(wait, 1.0), self.board.interval))
            self._publish()

    async def _run_round(self, began: float) -> None:
        clock = self._world.clock
        # A closed tenant is asked too: its request counts must be known before it opens.
        counted = {
            self._plan.stages[name].target
            for name, progress in self._recovery.stages.items()
            if progress.is_closed or progress.is_opening
        }
        observations = await self._targets.probe(counted)
        # Rounds begin at regular times, but their probes take more or less long. Dwells are counted
        # from one beginning to the next, or a step of one interval would often need two.
        self._recovery, changes, orders = advance(self._plan, self._recovery, observations, began)
        self._incident, surges, ended = update_incident(
            self._plan, self._incident, self._recovery, observations, clock.now()
        )
        for change in changes:
            self._world.log(
                "stage",
                stage=change.stage,
                state=change.state,
                share=change.share,
                gate=change.gate,
                reason=change.reason,
            )
        self._publish()
        if ended:
            self._recovery = reset_relapses(self._recovery)
        # Orders are sent one by one: closings must have taken effect before anything opens.
        in_sequence: list[Order] = [*orders, *surges]
        for order in in_sequence:
            if problem := await self._targets.send(order):
                self._world.log("order", target=order.target, taken=False, reason=problem)

    def _publish(self) -> None:
        summary = summarize(self._plan, self._recovery, self._incident)
        notice = self.board.update(summary, self._incident, self._world.clock.now())
        if notice is not None:
            self._world.log("notice", number=notice.number, state=notice.state, texts=notice.texts)

    def status(self) -> Mapping[str, object]:
        """Return the body of `GET /status`."""
        stages = self._recovery.stages
        has_incident = self._incident.since is not None
        is_known = all(progress.state != "unknown" for progress in stages.values())
        is_recovering = any(progress.is_opening for progress in stages.values())
        return {
            "mode": ("mixed" if is_recovering else "manual") if has_incident else "automatic",
            "quiescent": is_known and not has_incident,
            "incident": self._incident.cause,
            "since": self._incident.since,
            "notices": len(self.board.notices),
            "waiting": {
                name: progress.reason
                for name, progress in stages.items()
                if progress.state != "done"
            },
        }

    def numbers(self) -> Mapping[str, object]:
        """Return the numbers of the `gauge` event: 1 during an incident, and stages by state."""
        stages = self._recovery.stages.values()
        return {
            "incident": int(self._incident.since is not None),
            "done": sum(progress.state == "done" for progress in stages),
            "opening": sum(progress.is_opening for progress in stages),
            "shut": sum(progress.is_closed for progress in stages),
        }

    def stages(self) -> list[dict[str, object]]:
        """Return every stage with its definition and progress, for `GET /plan`."""
        return [self._describe(name, progress) for name, progress in self._recovery.stages.items()]

    def _describe(self, name: str, progress: Progress) -> dict[str, object]:
        stage = self._plan.stages[name]
        return {
            "stage": name,
            "target": stage.target,
            "after": stage.after,
            "needs": self._plan.needs(name),
            "ramp": stage.ramp,
            "dwell": stage.dwell,
            "state": progress.state,
            "share": progress.share(stage),
            "since": progress.since,
            "relapses": progress.relapses,
            "reason": progress.reason,
            "lost": progress.close_reason,
        }
