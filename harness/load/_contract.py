"""What a journey is: a generator that yields requests and pauses, and is sent the answers.

A journeys module of a system under test holds no I/O at all, so that Locust drives it against
real processes and the simulator in virtual time:

    def arrivals(params, random, duration):
        yield Arrival(at=60.0, journey="buyer", actor="buyer-1", args={"basket": 3})

    def buyer(actor, basket):
        answer = yield Request(
            op="pay", service="shop", method="POST", path="/orders",
            json={"id": actor, "basket": basket}, timeout=30.0, input={"basket": basket},
        )
        if answer.outcome == "unknown":   # may have happened: ask again under the same id
            yield Pause(60.0)
            ...

    JOURNEYS = {"buyer": buyer}

Each journey is called as `JOURNEYS[arrival.journey](actor=arrival.actor, **arrival.args)`. All
times are seconds of life; whoever drives a journey divides them by the scenario's pace.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, Protocol, TypeAlias

Outcome = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody arrives `at` seconds of life into the run and begins a journey."""

    at: float
    journey: str
    actor: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. It is sent once: whether to ask again is the journey's decision."""

    op: str
    """What is asked, for the history and for Locust's table; few different ones."""
    service: str
    """A service of the stack."""
    method: str
    path: str
    json: Any = None
    timeout: float = 60.0
    """Seconds of life from connecting to the answer's last byte, but no less than a computer
    needs (`LoadConfig.floor`)."""
    input: Mapping[str, Any] = field(default_factory=dict)
    """What the history keeps of the request."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is asked for `seconds` of life; what is sent back means nothing."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Response:
    """What came of a request (`harness.load.classify`); `status` 0: there was no answer."""

    status: int
    json: dict[str, Any]
    outcome: Outcome
    error: str = ""


RESTED = Response(0, {}, "ok")
"""Sent into a journey after a `Pause`."""

Journey: TypeAlias = Generator[Request | Pause, Response, None]


class Journeys(Protocol):
    """A journeys module."""

    JOURNEYS: Mapping[str, Callable[..., Journey]]

    def arrivals(
        self, params: Mapping[str, Any], random: Random, duration: float
    ) -> Iterator[Arrival]:
        """Everybody who arrives within `duration` seconds of life, in their order.

        Draws only from `random`, so that a seed gives the same people. Raises ValueError, saying
        which parameter and what to write instead, if `params` cannot be understood.
        """
