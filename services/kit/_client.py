"""Calls to another service, and what is known after each.

    Answered   it answered; whatever it decided, it decided
    Refused    503 or 429: it is alive and did nothing, and says when to come back
    NotSent    it cannot have happened: no connection, or the breaker or a Retry-After kept it back
    OutcomeUnknown     it may have happened: the request left, no usable answer came

The last two are the point. A time-out is not a "no": who treats it as one loses or doubles a
crossing. Retries are for calls that may arrive twice (reads, and writes under an id), are bounded
for each call, and share a budget that only first attempts refill: when everything fails, the
requests of a recovering system grow by a tenth, not by a factor.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
import msgspec

from ._breaker import Breaker, BreakerOpenError
from ._world import World

Body = Mapping[str, object]

_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
_BUDGET = 10.0  # retries that may be saved up
_EARNED = 0.1  # retries that one first attempt earns


@dataclass(frozen=True)
class Answered:
    """The target's answer: any status but those of the other outcomes."""

    status: int
    body: Body = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked to do."""
        return self.status < 400

    @property
    def reason(self) -> str:
        """Why it did not, in its own words."""
        said = self.body.get("reason") or self.body.get("error")
        return f"{said}" if said else f"status {self.status}"


@dataclass(frozen=True)
class Refused:
    """The target did nothing, on purpose."""

    error: str
    reason: str
    retry_after: float | None = None
    """Seconds of life."""
    state: str = ""
    """Of its admission: `closed` or `share`."""


@dataclass(frozen=True)
class NotSent:
    """The request did not reach the target."""

    reason: str


@dataclass(frozen=True)
class OutcomeUnknown:
    """The request may have been carried out."""

    reason: str


Outcome = Answered | Refused | NotSent | OutcomeUnknown


@dataclass(frozen=True)
class _Call:
    method: str
    path: str
    params: Mapping[str, str] | None = None
    body: object = None
    ignore_retry_after: bool = False
    feed_breaker: bool = True
    timeout_factor: float = 1


class Client:
    """Calls one target through its link."""

    def __init__(
        self,
        world: World,
        name: str,
        base_url: str,
        timeout: float | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        """Give each attempt `timeout` seconds of life; `CALL_TIMEOUT` (10) if it is None."""
        self.name = name
        self.breaker = breaker or Breaker(
            world.clock, world.log, name, cool_down=world.clock.with_floor(60)
        )
        self._clock = world.clock
        self._http = world.http(base_url)
        life = world.seconds("CALL_TIMEOUT", 10) if timeout is None else timeout
        # Twice the floor: a call is two machines taking turns.
        self._timeout = world.clock.wall_seconds(2 * world.clock.with_floor(life / 2))
        self._held_until = 0.0
        self._held_back: Refused | None = None
        self._budget = _BUDGET

    @property
    def retry_after_left(self) -> float:
        """Seconds until the target wants to be asked again."""
        return max(0.0, self._held_until - self._clock.now())

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        retries: int = 0,
        ignore_retry_after: bool = False,
        feed_breaker: bool = True,
        timeout_factor: float = 1,
    ) -> Outcome:
        """Read `path`.

        `ignore_retry_after` passes a Retry-After: for paths that admission does not guard. What is not
        `feed_breaker` tells the breaker nothing: for looking whether a target has started yet.
        `timeout_factor` multiplies the time-out.
        """
        call = _Call(
            "GET",
            path,
            params,
            ignore_retry_after=ignore_retry_after,
            feed_breaker=feed_breaker,
            timeout_factor=timeout_factor,
        )
        return await self._call(call, retries)

    async def post(
        self,
        path: str,
        body: object,
        *,
        retries: int = 0,
        feed_breaker: bool = True,
        timeout_factor: float = 1,
    ) -> Outcome:
        """Write to `path`; retried only if asked: say so where the body carries an id."""
        call = _Call(
            "POST", path, body=body, feed_breaker=feed_breaker, timeout_factor=timeout_factor
        )
        return await self._call(call, retries)

    async def put(self, path: str, body: object, *, retries: int = 0) -> Outcome:
        """Set `path`."""
        return await self._call(_Call("PUT", path, body=body), retries)

    async def _call(self, call: _Call, retries: int) -> Outcome:
        self._budget = min(_BUDGET, self._budget + _EARNED)
        outcome = await self._attempt(call)
        maybe = isinstance(outcome, OutcomeUnknown)
        for number in range(retries):
            if isinstance(outcome, Answered | Refused) or not self.breaker.ready:
                break
            if self._budget < 1:
                break
            self._budget -= 1
            await self._clock.sleep(self._clock.with_floor(1) * 2**number)
            outcome = await self._attempt(call)
            maybe = maybe or isinstance(outcome, OutcomeUnknown)
        if maybe and isinstance(outcome, NotSent | Refused):
            # An earlier attempt may have arrived: what the last one knows of itself is not enough.
            return OutcomeUnknown(f"an earlier attempt got no answer; then: {outcome.reason}")
        return outcome

    async def _attempt(self, call: _Call) -> Outcome:
        if (
            self._held_back is not None
            and self.retry_after_left > 0
            and not call.ignore_retry_after
        ):
            return self._held_back
        try:
            with self.breaker.attempt() as attempt:
                outcome = await self._send(call)
                if not call.feed_breaker:
                    pass
                elif isinstance(outcome, Answered) or _admission(outcome):
                    attempt.succeeded()  # whoever says "not now" is alive
                else:
                    attempt.failed(outcome.reason)
        except BreakerOpenError as error:
            return NotSent(str(error))
        if isinstance(outcome, Refused) and outcome.retry_after:
            self._held_back = outcome
            self._held_until = self._clock.now() + outcome.retry_after
        return outcome

    async def _send(self, call: _Call) -> Outcome:
        content = None if call.body is None else msgspec.json.encode(call.body)
        headers = {} if call.body is None else {"content-type": "application/json"}
        try:
            async with asyncio.timeout(self._timeout * call.timeout_factor):
                response = await self._http.request(
                    call.method, call.path, params=call.params, content=content, headers=headers
                )
        except TimeoutError:
            return OutcomeUnknown(f"{self.name} did not answer in time")
        except _NEVER_LEFT as error:
            return NotSent(f"{self.name} is not reached: {_said(error)}")
        except httpx.HTTPError as error:
            return OutcomeUnknown(f"{self.name} broke off: {_said(error)}")
        except AttributeError as error:
            # The peer hung up in the moment in which it was connected: anyio then asks uvloop for
            # a socket that it has let go of, and httpcore passes that on as it is.
            return OutcomeUnknown(f"{self.name} hung up at once: {_said(error)}")
        return self._read(response)

    def _read(self, response: httpx.Response) -> Outcome:
        try:
            body = msgspec.json.decode(response.content, type=dict[str, object])
        except msgspec.DecodeError:
            return OutcomeUnknown(
                f"{self.name} answered {response.status_code} with something unreadable"
            )
        answered = Answered(response.status_code, body)
        if response.status_code in (429, 503):
            after = body.get("retry_after")
            return Refused(
                error=f"{body.get('error', '')}",
                reason=f"{self.name}: {answered.reason}",
                retry_after=float(after) if isinstance(after, int | float) else None,
                state=f"{body.get('state', '')}",
            )
        if response.status_code >= 500:
            return OutcomeUnknown(f"{self.name}: {answered.reason}")
        return answered

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _admission(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.error == "admission"


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
