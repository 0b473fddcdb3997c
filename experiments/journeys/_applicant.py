"""An applicant at the immigration office: passport, visa or stay permit, some on the same day."""

from collections.abc import Iterator
from random import Random

from harness.load import Arrival, Journey, Pause, Request
from services.population import Kind, Service, person

from ._params import Params
from ._people import People
from ._persistence import persist
from ._schedule import moments

_PATIENCE = 3600.0
_THINK = 600.0

_WANTED: tuple[tuple[Service, Kind, float], ...] = (
    ("passport", "citizen", 0.6),
    ("visa", "visa", 0.2),
    ("stay-permit", "stay-permit", 0.2),
)
"""Which service, who asks for it, and the share of applications that are for it."""


def applications(
    params: Params, people: People, random: Random, duration: float
) -> Iterator[Arrival]:
    """Everybody who comes to the office within `duration`."""
    office = params.office
    if office is None:
        return
    shares = [share for _, _, share in _WANTED]
    times = moments(random, office.applications_per_hour, office.rush, duration)
    for number, at in enumerate(times, 1):
        service, kind, _ = random.choices(_WANTED, shares)[0]
        yield Arrival(
            at=at,
            journey="applicant",
            actor=f"A-{number:05}",
            args={
                "service": service,
                "who": people.draw_kind(kind),
                "same_day": service == "passport" and random.random() < office.same_day,
            },
        )


def applicant(actor: str, service: Service, who: int, same_day: bool) -> Journey:
    """Application `actor`. Whoever is told that same-day is off applies in the ordinary way.

    That is another application, with an id of its own: nobody can tell by then whether the first
    one, if its answer was lost, arrived.
    """
    answer = yield from persist(_ask(actor, service, who, same_day=same_day), actor)
    if same_day and answer.outcome == "fail" and answer.json.get("error") == "same-day":
        yield Pause(_THINK)
        yield from persist(_ask(f"{actor}-ordinary", service, who, same_day=False), actor)


def _ask(ident: str, service: Service, who: int, *, same_day: bool) -> Request:
    application = {
        "id": ident,
        "document": person(who).document,
        "service": service,
        "same_day": same_day,
    }
    return Request(
        op="apply",
        service="office",
        method="POST",
        path="/applications",
        json=application,
        timeout=_PATIENCE,
        input=application,
    )
