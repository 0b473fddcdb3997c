"""Who uses the reference system: passengers of arriving flights, and applicants at the office.

    load:
      journeys: experiments.journeys
      duration: 80h
      params:
        airports:
          cgk: {flights_per_hour: 0.9, passengers: 9}      # a mean; each flight has its own number
          sub: {flights_per_hour: 0.3, passengers: 6, rush: [{at: 30h, for: 2h, times: 4}]}
        office: {applications_per_hour: 1.5}

At a pace of 4800 these are about 13 passengers a second of the run, each with two or three
requests: as much as two cores carry beside the whole system. Scale `flights_per_hour` by
1/pace to keep it so. All ids follow from the seed and are never used twice; names of operations
are `bags` (a flight's bags are on the belt), `autogate`, `counter`, `claim` and `apply`.
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
from ._schedule import apart, flights

JOURNEYS: dict[str, Callable[..., Journey]] = {
    "passenger": passenger,
    "flight": flight,
    "applicant": applicant,
}


def arrivals(params: Mapping[str, Any], random: Random, duration: float) -> Iterator[Arrival]:
    """Everybody, in their order; see `_params.Params` for what can be asked for."""
    wanted = Params.model_validate(params)
    people = People(apart(random))
    everybody = [
        *flights(wanted, people, apart(random), duration),
        *applications(wanted, people, apart(random), duration),
    ]
    yield from sorted(everybody, key=lambda arrival: (arrival.at, arrival.actor))
