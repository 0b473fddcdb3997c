"""The state of a tenant of the data center, as one of its callers sees it.

    away     its breaker is not closed: it does not answer, or not in time
    closed   it answers, and its admission control refuses every request
    share    it admits a share of the requests; a caller that is refused falls back
    open     it serves all requests

The users' own calls show most changes of state. `Upstream.watch` probes for the others: an outage
while no user calls, and a recovery while no user call is sent. It probes `/ready` (a round trip to
storage) and, unless the state is known to be `open`, `/admission`. Neither is subject to admission
control, and neither is requested more often than the clock's floor allows.

Starting a whole system is not an outage: in a grace period after the start, a target that has never
answered counts as not started yet.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Literal

from ._breaker import Breaker
from ._client import Answered, Client, Outcome, Refused
from ._world import World

UpstreamState = Literal["away", "closed", "share", "open"]


class Upstream:
    """A client for one tenant that keeps track of the tenant's state.

    Args:
        world: The service's dependencies. `WATCH_EVERY`, `PROBE_AFTER`, `BREAKER_FAILURES` and
            `BREAKER_COOL_DOWN` are read from its environment.
        name: The tenant's name in events and messages.
        base_url: The tenant's base URL.
        first_start: Allow a grace period, because the tenant may be starting together with this
            service. False if this service was restarted, perhaps during an outage.
    """

    def __init__(self, world: World, name: str, base_url: str, *, first_start: bool = True) -> None:
        self.name = name
        clock = world.clock
        self._clock = clock
        self._watch_every = clock.with_floor(world.seconds("WATCH_EVERY", 60))
        self._probe_after = clock.with_floor(world.seconds("PROBE_AFTER", 5))
        breaker = Breaker(
            clock,
            world.log,
            name,
            failures=world.number("BREAKER_FAILURES", 3),
            cool_down=clock.with_floor(world.seconds("BREAKER_COOL_DOWN", 60)),
        )
        self.client = Client(world, name, base_url, breaker=breaker)
        self._admission: Literal["closed", "share", "open"] = "open"
        self._admission_reason = ""
        self._call_failed = asyncio.Event()
        self._was_open = False
        # 30 minutes of scenario time, but at least 20 times the floor.
        grace = max(1800.0, 20 * clock.with_floor(0)) if first_start else 0.0
        self._grace_until = clock.now() + grace

    @property
    def is_starting(self) -> bool:
        """True in the grace period, until the target has answered a call or was seen open."""
        return not self._was_open and self._clock.now() < self._grace_until

    @property
    def state(self) -> UpstreamState:
        """The target's state, as far as calls and probes have shown it."""
        if self.client.breaker.state != "closed":
            return "away"
        return self._admission

    @property
    def accepts_calls(self) -> bool:
        """True if a user's call may be served; otherwise it is not worth a request."""
        return self.state in ("open", "share") and self.client.retry_after_left == 0

    @property
    def reason(self) -> str:
        """The reason why the target is not open; empty if it is."""
        if self.client.breaker.state != "closed":
            return f"{self.name} does not answer: {self.client.breaker.reason}"
        if self._admission == "open":
            return ""
        return f"{self.name} admission: {self._admission_reason}"

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, retries: int = 0
    ) -> Outcome:
        """Send a GET request and update the state from its outcome."""
        feed_breaker = not self.is_starting
        return self._update(
            await self.client.get(path, params, retries=retries, feed_breaker=feed_breaker)
        )

    async def post(
        self, path: str, body: object, *, retries: int = 0, timeout_factor: float = 1
    ) -> Outcome:
        """Send a POST request and update the state from its outcome."""
        feed_breaker = not self.is_starting
        return self._update(
            await self.client.post(
                path,
                body,
                retries=retries,
                feed_breaker=feed_breaker,
                timeout_factor=timeout_factor,
            )
        )

    def _update(self, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Answered):
            self._call_failed.set()
        if isinstance(outcome, Answered):
            self._was_open = True
        elif isinstance(outcome, Refused) and outcome.error == "admission":
            self._admission = "share" if outcome.state == "share" else "closed"
            self._admission_reason = outcome.reason
        return outcome

    async def probe(self) -> bool:
        """Probe the target once; return True if it is ready to serve."""
        # Half the time-out of a call: the target has almost nothing to do, and if no user calls, it
        # takes three failed probes in a row to detect an outage.
        outcome = await self.client.get(
            "/ready", ignore_retry_after=True, feed_breaker=not self.is_starting, timeout_factor=0.5
        )
        if not isinstance(outcome, Answered) or not outcome.ok:
            return False
        if not self._was_open or self.state != "open":
            await self._read_admission()
        return True

    async def _read_admission(self) -> None:
        outcome = await self.client.get("/admission", ignore_retry_after=True)
        if not isinstance(outcome, Answered) or not outcome.ok:
            return
        state = outcome.body.get("state")
        if state in ("closed", "share", "open"):
            self._admission = state
            self._admission_reason = f"{state}, {outcome.body.get('reason', '')}"
        if state == "open":
            self._was_open = True
        elif outcome.body.get("reason") != "starting":
            self._grace_until = 0.0  # it is up and closed on purpose, so it is not starting

    async def watch(self, after_probe: Callable[[], None]) -> None:
        """Probe for ever: every `WATCH_EVERY` seconds, or as soon as allowed during a failure.

        `after_probe` is called after each probe, for instance to adapt the service's mode.
        """
        while True:
            began = self._clock.now()
            is_ready = await self.probe()
            after_probe()
            if is_ready and self.client.breaker.state == "closed":
                await self._wait_for_next_round()
            else:
                # The interval is counted from start to start: a probe that timed out has already
                # waited long enough.
                left = began + self._probe_after - self._clock.now()
                await self._clock.sleep(max(left, self.client.breaker.cool_down_left))

    async def _wait_for_next_round(self) -> None:
        """Wait for the next round, or until shortly after a user's call has failed."""
        self._call_failed.clear()
        round_over = asyncio.ensure_future(self._clock.sleep(self._watch_every))
        call_failed = asyncio.ensure_future(self._call_failed.wait())
        try:
            await asyncio.wait({round_over, call_failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            round_over.cancel()
            call_failed.cancel()
        if self._call_failed.is_set():
            await self._clock.sleep(self._probe_after)
