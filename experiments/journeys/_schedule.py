"""When flights land, and who is on board.

Flights are a Poisson process whose rate a `rush` multiplies. Each airport draws from a source of
its own, so that changing one airport leaves the others as they were.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

from harness.load import Arrival
from services.population import Person, person

from ._params import WITH_AUTOGATES, Params, Rush
from ._people import People

_HOUR = 3600.0

WALK = 240.0, 1500.0
"""Seconds from landing to immigration: the first to leave the aircraft, and the last."""

_AIRLINES = ("ZX", "ZY", "ZQ")
"""Invented: no airline has these designators."""

_ISSUERS = {"ZX": "997", "ZY": "998", "ZQ": "999"}
"""The same airlines on bag tags, three digits each, invented too."""


def moments(
    random: Random, per_hour: float, rush: Sequence[Rush], duration: float
) -> Iterator[float]:
    """A Poisson process up to `duration`, by thinning one of the highest rate."""
    highest = per_hour * max([1.0, *(one.times for one in rush)])
    at = 0.0
    while highest > 0:
        at += random.expovariate(highest / _HOUR)
        if at > duration:
            return
        rate = per_hour
        for one in rush:
            if one.at <= at < one.at + one.lasts:
                rate *= one.times
        if random.random() * highest < rate:
            yield at


def apart(random: Random) -> Random:
    """A source of its own, so that what is drawn from it moves nothing else."""
    return Random(random.getrandbits(64))  # noqa: S311 - chance, not secrets


def flights(params: Params, people: People, random: Random, duration: float) -> Iterator[Arrival]:
    """The flights that land early enough for everybody on board to arrive within `duration`."""
    numbers, bags = count(101), count()
    for code, airport in params.airports.items():
        own = apart(random)
        gates = code in WITH_AUTOGATES if airport.autogate is None else airport.autogate
        for landed in moments(own, airport.flights_per_hour, airport.rush, duration - WALK[1]):
            number = next(numbers)
            airline = _AIRLINES[number % len(_AIRLINES)]
            name = f"{airline}{number}"
            aboard = max(1, round(airport.passengers * own.uniform(0.75, 1.25)))
            # 10 digits as IATA has them: 0 for an ordinary bag, the airline, six that are its own.
            tags = [f"0{_ISSUERS[airline]}{next(bags):06}" for _ in range(aboard)]
            yield Arrival(landed, "flight", name, {"airport": code, "tags": tags})
            for seat, tag in enumerate(tags):
                yield Arrival(
                    at=landed + own.uniform(*WALK),
                    journey="passenger",
                    actor=f"X-{name}-{_seat(seat)}",
                    args={
                        "airport": code,
                        "flight": name,
                        "tag": tag,
                        **_traveller(params, people.draw(), own, gates=gates),
                    },
                )


def _traveller(params: Params, who: int, random: Random, *, gates: bool) -> dict[str, object]:
    readable = random.random() >= params.unreadable
    return {
        "who": who,
        "readable": readable,
        "autogate": _wants_gate(params, person(who), random.random()) and gates,
    }


def _wants_gate(params: Params, who: Person, chance: float) -> bool:
    citizen = who.kind == "citizen"
    return chance < (params.citizens_at_gates if citizen else params.foreigners_at_gates)


def _seat(n: int) -> str:
    return f"{n // 6 + 1}{'ABCDEF'[n % 6]}"
