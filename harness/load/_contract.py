"""What a journey is: a generator that yields requests and pauses and is sent the answers.

A journeys module does no I/O. So Locust can drive it against real processes, and a simulator in
simulated time:

    def arrivals(params, random, duration):
        yield Arrival(at=60.0, journey="buyer", actor="buyer-1", args={"basket": 3})

    def buyer(actor, basket):
        answer = yield Request(
            op="pay", service="shop", method="POST", path="/instructions",
            json={"id": actor, "basket": basket}, timeout=30.0, input={"basket": basket},
        )
        if answer.outcome == "unknown":   # it may have happened: repeat it with the same id
            yield Pause(60.0)
            ...

    JOURNEYS = {"buyer": buyer}

Each journey is called as `JOURNEYS[arrival.journey](actor=arrival.actor, **arrival.args)`. All
times are scenario seconds; the driver divides them by the scenario's pace.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, Protocol, TypeAlias

Outcome = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A user who starts a journey `at` scenario seconds after the start of the run."""

    at: float
    journey: str
    actor: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. It is sent once; the journey decides whether to repeat it."""

    op: str
    """The operation's name in the history and in Locust's table; use few different ones."""
    service: str
    """The name of a service of the stack."""
    method: str
    path: str
    json: Any = None
    timeout: float = 60.0
    """Scenario seconds from connecting to the last byte of the answer. Above pace 1 a request has
    at least `min(timeout, 5)` wall-clock seconds: see `LoadConfig.time_limit`."""
    input: Mapping[str, Any] = field(default_factory=dict)
    """What the history records of the request."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing for `seconds` scenario seconds; the journey is then sent an empty response."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Response:
    """The result of a request (see `harness.load.classify`); `status` is 0 without an answer."""

    status: int
    json: dict[str, Any]
    outcome: Outcome
    error: str = ""


AFTER_PAUSE = Response(0, {}, "ok")
"""The response that a journey is sent after a `Pause`."""

Journey: TypeAlias = Generator[Request | Pause, Response, None]


class Journeys(Protocol):
    """A journeys module."""

    JOURNEYS: Mapping[str, Callable[..., Journey]]

    def arrivals(
        self, params: Mapping[str, Any], random: Random, duration: float
    ) -> Iterator[Arrival]:
        """Yield the arrivals within `duration` scenario seconds, ordered by time.

        All randomness comes from `random`, so that the same seed gives the same arrivals.

        Raises:
            ValueError: `params` is wrong; the message names the parameter and the cure.
        """
