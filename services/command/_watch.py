"""Asks every target how it is, and passes orders on.

A probe is also the heartbeat that keeps a tenant from thinking that it is alone. Probes and orders
go through clients of their own: a target that answers a probe with "not ready, come back later"
must still hear that it has to close. There are no circuit breakers here: the interval between two
rounds is the pause, and a breaker would only delay the sight of a target that is back.
"""

import asyncio
import sys
from collections.abc import Collection, Mapping
from dataclasses import replace

from services.kit import Answered, Breaker, Client, Outcome, Refused, World

from ._plan import Plan
from ._progress import Action, SetShare
from ._sight import UNSEEN, Observation, Sight


class Watch:
    """The command centre's lines to its targets."""

    def __init__(self, world: World, plan: Plan, targets: Mapping[str, str]) -> None:
        self._probes = {name: _client(world, name, url) for name, url in targets.items()}
        self._orders = {name: _client(world, name, url) for name, url in targets.items()}
        stages = plan.stages.values()
        self._tenants = {stage.target for stage in stages if stage.opens == "admission"}
        self._told: dict[str, bool] = {}

    async def look(self, watched: Collection[str]) -> Observation:
        """One round. Tenants in `watched` are asked for their numbers as well."""
        names = list(self._probes)
        sights = await asyncio.gather(*(self._see(name, watched) for name in names))
        return dict(zip(names, sights, strict=True))

    async def tell(self, action: Action) -> str:
        """Pass an order on; "" if the target took it, else why it did not."""
        client = self._orders[action.target]
        if isinstance(action, SetShare):
            body = {"share": action.share, "reason": action.reason}
            path = "/admission" if action.opens == "admission" else "/lanes"
            return _trouble(await client.put(path, body))
        trouble = _trouble(await client.put("/surge", {"open": action.open}))
        if not trouble:
            self._told[action.target] = action.open
        return trouble

    async def close(self) -> None:
        """Close every line."""
        for client in (*self._probes.values(), *self._orders.values()):
            await client.close()

    async def _see(self, name: str, watched: Collection[str]) -> Sight:
        client = self._probes[name]
        if name not in self._tenants:
            return self._edge(name, await client.get("/status", ignore_retry_after=True))
        paths = ["/ready", "/admission", *(["/status"] if name in watched else [])]
        outcomes = await asyncio.gather(
            *(client.get(path, ignore_retry_after=True) for path in paths)
        )
        return _tenant(*outcomes)

    def _edge(self, name: str, status: Outcome) -> Sight:
        if not isinstance(status, Answered):
            return replace(UNSEEN, reason=_trouble(status))
        body = status.body
        mode = str(body.get("mode", ""))
        share = body.get("share")
        surge = body.get("surge")
        return Sight(
            reached=True,
            ready=status.ok and body.get("ready", True) is True,
            share=float(share) if isinstance(share, int | float) else None,
            mode=mode,
            backlog=_count(body, "backlog"),
            surge=surge if isinstance(surge, bool) else self._told.get(name),
            reason=str(body.get("reason", "")),
        )


def _client(world: World, name: str, url: str) -> Client:
    breaker = Breaker(world.clock, world.log, name, failures=sys.maxsize)
    return Client(world, name, url, breaker=breaker)


def _tenant(ready: Outcome, admission: Outcome, status: Outcome | None = None) -> Sight:
    if not isinstance(ready, Answered | Refused):
        return replace(UNSEEN, reason=_trouble(ready))
    sight = Sight(
        reached=True,
        ready=isinstance(ready, Answered) and ready.ok,
        reason=_trouble(ready),
    )
    if isinstance(admission, Answered) and admission.ok:
        share = admission.body.get("share")
        said = str(admission.body.get("reason") or "")
        # One that has just started does not know yet what it is to admit: no sign of anything.
        if isinstance(share, int | float) and said != "starting":
            sight = replace(sight, share=float(share), reason=sight.reason or said)
    if isinstance(status, Answered) and status.ok:
        numbers = status.body
        sight = replace(
            sight, received=_count(numbers, "received"), failed=_count(numbers, "failed")
        )
    return sight


def _trouble(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Answered) and outcome.ok else outcome.reason


def _count(body: Mapping[str, object], key: str) -> int:
    value = body.get(key, 0)
    return int(value) if isinstance(value, int | float) else 0
