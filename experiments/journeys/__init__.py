"""The users of the reference system: passengers of arriving flights, and office applicants.

    load:
      journeys: experiments.journeys
      duration: 80h
      params:
        airports:
          cgk: {flights_per_hour: 0.9, passengers: 9}      # the mean number on a flight
          sub: {flights_per_hour: 0.3, passengers: 6, rush: [{at: 30h, for: 2h, times: 4}]}
        office: {applications_per_hour: 1.5}

At a pace of 4800 these are about 13 passengers per wall-clock second, each with two or three
requests: as much as two cores can run beside the whole system. For another pace scale
`flights_per_hour` by 4800/pace. All ids follow from the seed and are unique. The operations are
`bags` (the bags of a flight are delivered), `autogate`, `counter`, `claim` and `apply`.
"""

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from harness.load import Arrival, Journey

from ._applicant import applicant, applications
from ._flight import flight
from ._params import Params
from ._passenger import passenger
from ._people import People
from ._schedule import flights, independent

JOURNEYS: dict[str, Callable[..., Journey]] = {
    "passenger": passenger,
    "flight": flight,
    "applicant": applicant,
}


def arrivals(params: Mapping[str, Any], random: Random, duration: float) -> Iterator[Arrival]:
    """Yield flights, passengers and applicants by time; `_params.Params` describes `params`."""
    parsed = Params.model_validate(params)
    people = People(independent(random))
    arriving = [
        *flights(parsed, people, independent(random), duration),
        *applications(parsed, people, independent(random), duration),
    ]
    yield from sorted(arriving, key=lambda arrival: (arrival.at, arrival.actor))
