"""The command centre at work: rounds of probes, the plan, orders, events and notices."""

from collections.abc import Mapping

from services.kit import World

from ._advance import advance, begin, settle
from ._incident import Incident, follow
from ._notice import Board, picture
from ._plan import Plan
from ._progress import Action
from ._watch import Watch

_ON_ITS_WAY = ("ramping", "dwelling")
_SETTLED = ("done", "unknown")


class Centre:
    """One plan, followed for as long as the process lives."""

    def __init__(self, world: World, plan: Plan, watch: Watch) -> None:
        clock = world.clock
        self._world = world
        self._watch = watch
        self._every = clock.with_floor(world.seconds("PROBE_EVERY", 300))
        self._plan = plan.paced(clock.with_floor)
        self._recovery = begin(plan)
        self._incident = Incident()
        self.board = Board(plan, world.seconds("NOTICE_EVERY", 21600), clock.with_floor(60))

    async def probe(self) -> None:
        """Round after round; never returns. A round that takes long is not followed by a pause."""
        clock = self._world.clock
        self._world.log(
            "plan", stages={name: stage.after for name, stage in self._plan.stages.items()}
        )
        while True:
            began = clock.now()
            await self._round(began)
            await clock.sleep(max(began + self._every - clock.now(), self._every / 10))

    async def inform(self) -> None:
        """Keep the promise of notices whatever the probes are waiting for; never returns."""
        clock = self._world.clock
        while True:
            # An incident may begin while this sleeps: no longer than until its second notice.
            wait = self.board.wait(clock.now())
            await clock.sleep(min(max(wait, 1.0), self.board.promise))
            self._publish()

    async def _round(self, began: float) -> None:
        clock = self._world.clock
        watched = {
            self._plan.stages[name].target
            for name, progress in self._recovery.stages.items()
            if progress.state not in _SETTLED  # what is closed, for the counts before it opens
        }
        observation = await self._watch.look(watched)
        # Rounds begin on the beat, but their probes take now more, now less: dwells are counted
        # from beginning to beginning, or a step of one beat would often need two.
        self._recovery, changes, orders = advance(self._plan, self._recovery, observation, began)
        self._incident, surges, ended = follow(
            self._plan, self._incident, self._recovery, observation, clock.now()
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
            self._recovery = settle(self._recovery)
        # One after the other: what closes must be closed before what opens is opened.
        actions: list[Action] = [*orders, *surges]
        for action in actions:
            if trouble := await self._watch.tell(action):
                self._world.log("order", target=action.target, taken=False, reason=trouble)

    def _publish(self) -> None:
        shows = picture(self._plan, self._recovery, self._incident)
        notice = self.board.update(shows, self._incident, self._world.clock.now())
        if notice is not None:
            self._world.log("notice", number=notice.number, state=notice.state, texts=notice.texts)

    def status(self) -> Mapping[str, object]:
        """Numbers and reasons for `/status`."""
        stages = self._recovery.stages
        incident = self._incident.since is not None
        known = all(progress.state != "unknown" for progress in stages.values())
        recovering = any(progress.state in _ON_ITS_WAY for progress in stages.values())
        return {
            "mode": ("mixed" if recovering else "manual") if incident else "automatic",
            "quiescent": known and not incident,
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
        """The plan in figures, for `gauge`."""
        states = [progress.state for progress in self._recovery.stages.values()]
        return {
            "incident": int(self._incident.since is not None),
            "done": states.count("done"),
            "opening": sum(state in _ON_ITS_WAY for state in states),
            "shut": sum(state in ("closed", "relapsed") for state in states),
        }

    def stages(self) -> list[dict[str, object]]:
        """Every stage with where it is and why, for `/plan`."""
        found = []
        for name, stage in self._plan.stages.items():
            progress = self._recovery.stages[name]
            found.append(
                {
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
                    "lost": progress.lost,
                }
            )
        return found
