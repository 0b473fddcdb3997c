"""Probes every target and sends orders to it.

A probe is also the heartbeat of a tenant: one that gets no request at all for `SILENCE` assumes
that it is isolated and closes itself. Probes and orders use separate clients: a target that answers
a probe with "not ready, retry later" must still receive the order to close. There are no circuit
breakers: the interval between two rounds is pause enough, and a breaker would only delay the
detection of a target that is back.
"""

import asyncio
import sys
from collections.abc import Collection, Mapping
from dataclasses import replace

from services.kit import Answered, Breaker, Client, Outcome, Refused, World

from ._observation import UNREACHED, Observation, Observations
from ._plan import Plan
from ._progress import Order, SetShare


class Targets:
    """The command centre's HTTP clients for its targets."""

    def __init__(self, world: World, plan: Plan, urls: Mapping[str, str]) -> None:
        """Create the clients.

        Args:
            world: The surroundings of the command centre.
            plan: The plan, which says which targets are tenants.
            urls: The base URL of each target, by service name.
        """
        self._probes = {name: _client(world, name, url) for name, url in urls.items()}
        self._orders = {name: _client(world, name, url) for name, url in urls.items()}
        stages = plan.stages.values()
        self._tenants = {stage.target for stage in stages if stage.opens == "admission"}
        self._surge_ordered: dict[str, bool] = {}

    async def probe(self, counted: Collection[str]) -> Observations:
        """Probe all targets once. Ask the tenants in `counted` for their request counts as well."""
        names = list(self._probes)
        results = await asyncio.gather(*(self._probe_one(name, counted) for name in names))
        return dict(zip(names, results, strict=True))

    async def send(self, order: Order) -> str:
        """Send an order to its target. Return "" if the target took it, else why it did not."""
        client = self._orders[order.target]
        if isinstance(order, SetShare):
            body = {"share": order.share, "reason": order.reason}
            path = "/admission" if order.opens == "admission" else "/lanes"
            return _problem(await client.put(path, body))
        problem = _problem(await client.put("/surge", {"open": order.open}))
        if not problem:
            self._surge_ordered[order.target] = order.open
        return problem

    async def close(self) -> None:
        """Close all clients."""
        for client in (*self._probes.values(), *self._orders.values()):
            await client.close()

    async def _probe_one(self, name: str, counted: Collection[str]) -> Observation:
        client = self._probes[name]
        if name not in self._tenants:
            return self._edge(name, await client.get("/status", ignore_retry_after=True))
        paths = ["/ready", "/admission", *(["/status"] if name in counted else [])]
        outcomes = await asyncio.gather(
            *(client.get(path, ignore_retry_after=True) for path in paths)
        )
        return _tenant(*outcomes)

    def _edge(self, name: str, status: Outcome) -> Observation:
        if not isinstance(status, Answered):
            return replace(UNREACHED, reason=_problem(status))
        body = status.body
        share = body.get("share")
        surge = body.get("surge")
        return Observation(
            reached=True,
            ready=status.ok and body.get("ready", True) is True,
            share=float(share) if isinstance(share, int | float) else None,
            mode=str(body.get("mode", "")),
            backlog=_count(body, "backlog"),
            surge=surge if isinstance(surge, bool) else self._surge_ordered.get(name),
            reason=str(body.get("reason", "")),
        )


def _client(world: World, name: str, url: str) -> Client:
    breaker = Breaker(world.clock, world.log, name, failures=sys.maxsize)
    return Client(world, name, url, breaker=breaker)


def _tenant(ready: Outcome, admission: Outcome, status: Outcome | None = None) -> Observation:
    if not isinstance(ready, Answered | Refused):
        return replace(UNREACHED, reason=_problem(ready))
    observation = Observation(
        reached=True,
        ready=isinstance(ready, Answered) and ready.ok,
        reason=_problem(ready),
    )
    if isinstance(admission, Answered) and admission.ok:
        share = admission.body.get("share")
        reason = str(admission.body.get("reason") or "")
        # The share of a tenant that is starting is provisional, so it is not evidence of anything.
        if isinstance(share, int | float) and reason != "starting":
            reason = observation.reason or reason
            observation = replace(observation, share=float(share), reason=reason)
    if isinstance(status, Answered) and status.ok:
        observation = replace(
            observation,
            received=_count(status.body, "received"),
            failed=_count(status.body, "failed"),
        )
    return observation


def _problem(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Answered) and outcome.ok else outcome.reason


def _count(body: Mapping[str, object], key: str) -> int:
    value = body.get(key, 0)
    return int(value) if isinstance(value, int | float) else 0
