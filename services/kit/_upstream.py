"""How a tenant of the data center stands, as one of its callers sees it.

    away     its breaker is not closed: nobody answers, or not in time
    closed   it answers, and its admission lets nobody in
    share    it lets some in; who is refused falls back
    open     it serves

Travellers' own calls find out most of it. The watch finds out the rest: that a target is gone
although nobody has come to ask, and that it is back although nobody dares to. It asks
`/ready` (a round trip to storage) and, if there is doubt, `/admission`; neither is subject to
admission, and neither is asked more often than a machine's floor allows.

A whole system that is being started is not an outage: for a while, a target that has never
answered is only not there yet.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Literal

from ._breaker import Breaker
from ._client import Answered, Client, Outcome, Refused
from ._world import World

UpstreamState = Literal["away", "closed", "share", "open"]


class Upstream:
    """A client for one tenant that remembers what its answers say about it."""

    def __init__(self, world: World, name: str, base_url: str, *, first_start: bool = True) -> None:
        """Let it start together with this service, unless that is not `first_start` but restarted."""
        self.name = name
        clock = world.clock
        self._clock = clock
        self._every = clock.with_floor(world.seconds("WATCH_EVERY", 60))
        self._soon = clock.with_floor(world.seconds("PROBE_AFTER", 5))
        breaker = Breaker(
            clock,
            world.log,
            name,
            failures=world.number("BREAKER_FAILURES", 3),
            cool_down=clock.with_floor(world.seconds("BREAKER_COOL_DOWN", 60)),
        )
        self.client = Client(world, name, base_url, breaker=breaker)
        self._admission: Literal["closed", "share", "open"] = "open"
        self._said = ""
        self._doubt = asyncio.Event()
        self._proven = False
        # 30 minutes of life, but at least 20 turns of a machine.
        grace = max(1800.0, 20 * clock.with_floor(0)) if first_start else 0.0
        self._grace_until = clock.now() + grace

    @property
    def starting(self) -> bool:
        """Whether it has not been open yet since this service started, which is no wonder yet."""
        return not self._proven and self._clock.now() < self._grace_until

    @property
    def state(self) -> UpstreamState:
        """What can be expected of it now."""
        if self.client.breaker.state != "closed":
            return "away"
        return self._admission

    @property
    def accepts_calls(self) -> bool:
        """Whether a traveller's call has a chance; where not, it is not worth a request."""
        return self.state in ("open", "share") and self.client.retry_after_left == 0

    @property
    def reason(self) -> str:
        """Why it is not open; empty if it is."""
        if self.client.breaker.state != "closed":
            return f"{self.name} does not answer: {self.client.breaker.reason}"
        return "" if self._admission == "open" else f"{self.name} admission: {self._said}"

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, retries: int = 0
    ) -> Outcome:
        """Read, and learn from the answer."""
        feed_breaker = not self.starting
        return self._learn(
            await self.client.get(path, params, retries=retries, feed_breaker=feed_breaker)
        )

    async def post(
        self, path: str, body: object, *, retries: int = 0, timeout_factor: float = 1
    ) -> Outcome:
        """Write, and learn from the answer."""
        feed_breaker = not self.starting
        return self._learn(
            await self.client.post(
                path,
                body,
                retries=retries,
                feed_breaker=feed_breaker,
                timeout_factor=timeout_factor,
            )
        )

    def _learn(self, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Answered):
            self._doubt.set()
        if isinstance(outcome, Answered):
            self._proven = True
        elif isinstance(outcome, Refused) and outcome.error == "admission":
            self._admission = "share" if outcome.state == "share" else "closed"
            self._said = outcome.reason
        return outcome

    async def probe(self) -> bool:
        """Ask how it is; whether it answered."""
        # Half a call's timeout_factor: there is nothing to do but to say yes, and three in a row are
        # what it takes to notice an outage when nobody comes.
        outcome = await self.client.get(
            "/ready", ignore_retry_after=True, feed_breaker=not self.starting, timeout_factor=0.5
        )
        if not isinstance(outcome, Answered) or not outcome.ok:
            return False
        if not self._proven or self.state != "open":
            await self._ask_admission()
        return True

    async def _ask_admission(self) -> None:
        outcome = await self.client.get("/admission", ignore_retry_after=True)
        if not isinstance(outcome, Answered) or not outcome.ok:
            return
        state = outcome.body.get("state")
        if state in ("closed", "share", "open"):
            self._admission = state
            self._said = f"{state}, {outcome.body.get('reason', '')}"
        if state == "open":
            self._proven = True
        elif outcome.body.get("reason") != "starting":
            self._grace_until = 0.0  # it is up, and closed for a reason: that is no start

    async def watch(self, seen: Callable[[], None]) -> None:
        """Probe for ever: now and then while it answers, as soon as allowed while it does not.

        `seen` is called after each probe, for whoever has a mode to adapt.
        """
        while True:
            began = self._clock.now()
            answered = await self.probe()
            seen()
            if answered and self.client.breaker.state == "closed":
                await self._rest()
            else:
                # A time-out was pause enough: beginnings are kept apart, not ends and beginnings.
                left = began + self._soon - self._clock.now()
                await self._clock.sleep(max(left, self.client.breaker.wait))

    async def _rest(self) -> None:
        """Wait for the next round, or until somebody's call was not answered."""
        self._doubt.clear()
        nap = asyncio.ensure_future(self._clock.sleep(self._every))
        doubt = asyncio.ensure_future(self._doubt.wait())
        try:
            await asyncio.wait({nap, doubt}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            doubt.cancel()
        if self._doubt.is_set():
            await self._clock.sleep(self._soon)
