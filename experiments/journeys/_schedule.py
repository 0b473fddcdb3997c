"""When flights land, and who is on board.

Landings are a Poisson process whose rate a `rush` multiplies. Each airport has a random generator
of its own, so that a change of one airport leaves the others as they were.
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
"""Scenario seconds from landing to immigration, of the first and of the last passenger."""

_AIRLINES = ("ZX", "ZY", "ZQ")
"""Invented designators: no airline has them."""

_ISSUERS = {"ZX": "997", "ZY": "998", "ZQ": "999"}
"""The three-digit codes of these airlines on bag tags, invented as well."""


def poisson_times(
    random: Random, per_hour: float, rush: Sequence[Rush], duration: float
) -> Iterator[float]:
    """Yield the events of a Poisson process up to `duration`, by thinning one of the highest rate.

    Args:
        random: the random generator.
        per_hour: the usual rate.
        rush: windows in which the rate is multiplied.
        duration: in scenario seconds.
    """
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


def independent(random: Random) -> Random:
    """Return a new generator seeded from `random`: draws from one do not change the other."""
    return Random(random.getrandbits(64))  # noqa: S311 - simulation, not secrets


def flights(params: Params, people: People, random: Random, duration: float) -> Iterator[Arrival]:
    """Yield flights and their passengers, who all arrive within `duration` scenario seconds."""
    numbers, bags = count(101), count()
    for code, airport in params.airports.items():
        generator = independent(random)
        gates = code in WITH_AUTOGATES if airport.autogate is None else airport.autogate
        for landed in poisson_times(
            generator, airport.flights_per_hour, airport.rush, duration - WALK[1]
        ):
            number = next(numbers)
            airline = _AIRLINES[number % len(_AIRLINES)]
            name = f"{airline}{number}"
            aboard = max(1, round(airport.passengers * generator.uniform(0.75, 1.25)))
            # 10 digits as defined by IATA: 0 for an ordinary bag, airline code, six of the bag.
            tags = [f"0{_ISSUERS[airline]}{next(bags):06}" for _ in range(aboard)]
            yield Arrival(landed, "flight", name, {"airport": code, "tags": tags})
            for seat, tag in enumerate(tags):
                yield Arrival(
                    at=landed + generator.uniform(*WALK),
                    journey="passenger",
                    actor=f"X-{name}-{_seat(seat)}",
                    args={
                        "airport": code,
                        "flight": name,
                        "tag": tag,
                        **_traveller(params, people.draw(), generator, gates=gates),
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
