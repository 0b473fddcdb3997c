"""A passenger: crosses at an autogate or a counter, then claims a bag."""

from collections.abc import Generator, Mapping
from typing import Any

from harness.load import Journey, Pause, Request, Response
from services.population import Person, person

from ._people import lines
from ._retries import retry

# Timeouts and pauses are in scenario seconds.
_AUTOGATE_TIMEOUT = 3600.0
_COUNTER_TIMEOUT = 43200.0
"""In an outage queues last for hours, and nobody leaves them."""
_CLAIM_TIMEOUT = 3600.0

_WALK_TO_COUNTER = 120.0
_WALK_TO_BELT = 300.0
_CLAIM_AGAIN_AFTER = 600.0
_CLAIM_TRIES = 6

_STAY_DAYS = {"visa": 30, "stay-permit": 180}


def passenger(
    *, actor: str, airport: str, flight: str, who: int, tag: str, autogate: bool, readable: bool
) -> Journey:
    """Make crossing `actor` of person number `who`, then claim the bag `tag`.

    A passenger who is not admitted at the autogate goes to a counter with the same crossing id: if
    an answer was lost, the autogate may have recorded the crossing, which must not be recorded
    twice.
    """
    crossing = _crossing(actor, flight, person(who), readable=readable)
    admitted = False
    if autogate:
        answer = yield _crossing_request("autogate", airport, crossing, _AUTOGATE_TIMEOUT)
        admitted = _is_admitted(answer)
        if not admitted:
            yield Pause(_WALK_TO_COUNTER)
    if not admitted:
        answer = yield from retry(
            _crossing_request("counter", airport, crossing, _COUNTER_TIMEOUT), actor
        )
        admitted = _is_admitted(answer)
    if admitted:
        yield Pause(_WALK_TO_BELT)
        yield from _claim(actor, airport, tag)


def _crossing(crossing: str, flight: str, who: Person, *, readable: bool) -> dict[str, Any]:
    content: dict[str, Any] = {
        "crossing": crossing,
        "mrz": lines(who, readable=readable),
        "flight": flight,
        "direction": "arrival",
    }
    if who.number is not None:
        content["visa"] = {"number": who.number, "days": _STAY_DAYS[who.kind]}
    return content


def _crossing_request(
    place: str, airport: str, crossing: Mapping[str, Any], timeout: float
) -> Request:
    return Request(
        op=place,
        service=f"{place}-{airport}",
        method="POST",
        path="/travellers",
        json=dict(crossing),
        timeout=timeout,
        input=crossing,
    )


def _is_admitted(answer: Response) -> bool:
    return answer.outcome == "ok" and answer.json.get("decision") == "admitted"


def _claim(actor: str, airport: str, tag: str) -> Generator[Request | Pause, Response, None]:
    """Claim the bag; try again later if it has not been delivered yet."""
    request = Request(
        op="claim",
        service=f"baggage-{airport}",
        method="POST",
        path=f"/bags/{tag}/claim",
        json={"passenger": actor},
        timeout=_CLAIM_TIMEOUT,
        input={"tag": tag, "passenger": actor},
    )
    for _ in range(_CLAIM_TRIES):
        answer = yield from retry(request, actor)
        if answer.status != 404:
            return
        yield Pause(_CLAIM_AGAIN_AFTER)
