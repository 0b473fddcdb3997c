"""An applicant at the immigration office: for a passport, visa or stay permit."""

from collections.abc import Iterator
from random import Random

from harness.load import Arrival, Journey, Pause, Request
from services.population import Kind, Service, person

from ._params import Params
from ._people import People
from ._retries import retry
from ._schedule import poisson_times

_TIMEOUT = 3600.0
"""Of an application, in scenario seconds."""
_PAUSE = 600.0
"""Between a refused same-day application and the ordinary one, in scenario seconds."""

_APPLICATIONS: tuple[tuple[Service, Kind, float], ...] = (
    ("passport", "citizen", 0.6),
    ("visa", "visa", 0.2),
    ("stay-permit", "stay-permit", 0.2),
)
"""Each service with the kind of person who applies for it and its share of applications."""


def applications(
    params: Params, people: People, random: Random, duration: float
) -> Iterator[Arrival]:
    """Yield the applicants who come to the office within `duration` scenario seconds."""
    office = params.office
    if office is None:
        return
    shares = [share for _, _, share in _APPLICATIONS]
    times = poisson_times(random, office.applications_per_hour, office.rush, duration)
    for number, at in enumerate(times, 1):
        service, kind, _ = random.choices(_APPLICATIONS, shares)[0]
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
    """Apply as `actor`; if same-day service is refused, apply for ordinary service.

    The ordinary application has an id of its own: if an answer to the first one was lost, the
    first one may have been accepted.
    """
    answer = yield from retry(_application_request(actor, service, who, same_day=same_day), actor)
    if same_day and answer.outcome == "fail" and answer.json.get("error") == "same-day":
        yield Pause(_PAUSE)
        yield from retry(
            _application_request(f"{actor}-ordinary", service, who, same_day=False), actor
        )


def _application_request(ident: str, service: Service, who: int, *, same_day: bool) -> Request:
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
        timeout=_TIMEOUT,
        input=application,
    )
