"""HTTP calls to another service, with an explicit outcome for each.

    Answered         the target processed the request, whatever it decided
    Refused          503 or 429: the target is alive, did nothing, and may set a Retry-After
    NotSent          the request cannot have been processed: there was no connection, or the breaker
                     or a Retry-After prevented the call
    OutcomeUnknown   the request may have been processed: it was sent, and no usable answer came

A caller has to tell the last two apart. A time-out does not mean "no": treating it as one loses or
duplicates a crossing. Retries are for calls that may arrive twice (reads, and writes with an id).
They are limited for each call and share a budget that only first attempts refill. So when every
call fails, retries add a tenth to the requests that a recovering system receives, not a multiple.
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
_MAX_RETRY_BUDGET = 10.0  # retries that can be saved up
_RETRY_BUDGET_PER_CALL = 0.1  # retries that each first attempt adds to the budget


@dataclass(frozen=True)
class Answered:
    """The target processed the request and answered with a status below 500, except 429."""

    status: int
    body: Body = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True if the status is a success, below 400."""
        return self.status < 400

    @property
    def reason(self) -> str:
        """The reason that the target gave for an error, or the status."""
        reason = self.body.get("reason") or self.body.get("error")
        return f"{reason}" if reason else f"status {self.status}"


@dataclass(frozen=True)
class Refused:
    """The target answered 503 or 429 and did not process the request."""

    error: str
    reason: str
    retry_after: float | None = None
    """Scenario seconds after which the target may be called again; None if unknown."""
    state: str = ""
    """State of the target's admission control: `closed` or `share`; empty if it has none."""


@dataclass(frozen=True)
class NotSent:
    """The request did not reach the target, so nothing was processed."""

    reason: str


@dataclass(frozen=True)
class OutcomeUnknown:
    """The request was sent and may have been processed."""

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
    """HTTP client for one target, with time-out, circuit breaker, Retry-After and retry budget.

    Args:
        world: The service's dependencies.
        name: The target's name in events and messages.
        base_url: The target's base URL.
        timeout: Time-out of each attempt in scenario seconds; the environment's `CALL_TIMEOUT`
            (10 by default) if None. It is never shorter than twice the clock's floor.
        breaker: A breaker to use instead of one with the default settings.
    """

    def __init__(
        self,
        world: World,
        name: str,
        base_url: str,
        timeout: float | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self.name = name
        self.breaker = breaker or Breaker(
            world.clock, world.log, name, cool_down=world.clock.with_floor(60)
        )
        self._clock = world.clock
        self._http = world.http(base_url)
        scenario_timeout = world.seconds("CALL_TIMEOUT", 10) if timeout is None else timeout
        # At least twice the floor: a call needs one turn of each of two processes.
        self._timeout = world.clock.wall_seconds(2 * world.clock.with_floor(scenario_timeout / 2))
        self._retry_at = 0.0
        self._last_refusal: Refused | None = None
        self._retry_budget = _MAX_RETRY_BUDGET

    @property
    def retry_after_left(self) -> float:
        """Scenario seconds until the target's last Retry-After has passed; 0 without one."""
        return max(0.0, self._retry_at - self._clock.now())

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
        """Send a GET request.

        Args:
            path: The path below the base URL.
            params: The query parameters.
            retries: Retries after the first attempt, as far as breaker and budget allow them.
            ignore_retry_after: Send the request although a Retry-After has not passed yet: for
                paths that are not subject to admission control.
            feed_breaker: Report the result to the breaker. False for probing whether a target has
                started yet.
            timeout_factor: Multiplies the time-out.
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
        """Send a POST request. Use `retries` only if the body has an id, so that it is idempotent.

        Args:
            path: The path below the base URL.
            body: Encoded as JSON.
            retries: As in `get`.
            feed_breaker: As in `get`.
            timeout_factor: As in `get`.
        """
        call = _Call(
            "POST", path, body=body, feed_breaker=feed_breaker, timeout_factor=timeout_factor
        )
        return await self._call(call, retries)

    async def put(self, path: str, body: object, *, retries: int = 0) -> Outcome:
        """Send a PUT request."""
        return await self._call(_Call("PUT", path, body=body), retries)

    async def _call(self, call: _Call, retries: int) -> Outcome:
        self._retry_budget = min(_MAX_RETRY_BUDGET, self._retry_budget + _RETRY_BUDGET_PER_CALL)
        outcome = await self._attempt(call)
        may_have_arrived = isinstance(outcome, OutcomeUnknown)
        for number in range(retries):
            if isinstance(outcome, Answered | Refused) or not self.breaker.allows_attempt:
                break
            if self._retry_budget < 1:
                break
            self._retry_budget -= 1
            await self._clock.sleep(self._clock.with_floor(1) * 2**number)
            outcome = await self._attempt(call)
            may_have_arrived = may_have_arrived or isinstance(outcome, OutcomeUnknown)
        if may_have_arrived and isinstance(outcome, NotSent | Refused):
            # The last attempt was certainly not processed, but an earlier one may have been.
            return OutcomeUnknown(f"an earlier attempt got no answer; then: {outcome.reason}")
        return outcome

    async def _attempt(self, call: _Call) -> Outcome:
        if (
            self._last_refusal is not None
            and self.retry_after_left > 0
            and not call.ignore_retry_after
        ):
            return self._last_refusal
        try:
            with self.breaker.attempt() as attempt:
                outcome = await self._send(call)
                if not call.feed_breaker:
                    pass
                elif isinstance(outcome, Answered) or _is_admission_refusal(outcome):
                    attempt.succeeded()  # a refusal by admission control proves that it is alive
                else:
                    attempt.failed(outcome.reason)
        except BreakerOpenError as error:
            return NotSent(str(error))
        if isinstance(outcome, Refused) and outcome.retry_after:
            self._last_refusal = outcome
            self._retry_at = self._clock.now() + outcome.retry_after
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
            return NotSent(f"cannot connect to {self.name}: {_error_text(error)}")
        except httpx.HTTPError as error:
            return OutcomeUnknown(f"connection to {self.name} failed: {_error_text(error)}")
        except AttributeError as error:
            # The peer closed the connection at the moment of connecting. anyio then asks uvloop for
            # a socket that uvloop has already released, and httpcore does not wrap this error.
            return OutcomeUnknown(f"{self.name} closed the new connection: {_error_text(error)}")
        return self._read(response)

    def _read(self, response: httpx.Response) -> Outcome:
        try:
            body = msgspec.json.decode(response.content, type=dict[str, object])
        except msgspec.DecodeError:
            return OutcomeUnknown(
                f"{self.name} answered {response.status_code} with a body that is not a JSON object"
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
        """Close all connections to the target."""
        await self._http.aclose()


def _is_admission_refusal(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.error == "admission"


def _error_text(error: Exception) -> str:
    return str(error) or type(error).__name__
