"""A passenger: through an autogate or by a counter, and then to the belt."""

from collections.abc import Generator, Mapping
from typing import Any

from harness.load import Journey, Pause, Request, Response
from services.population import Person, person

from ._people import lines
from ._persistence import persist

_AT_A_GATE = 3600.0
_IN_LINE = 43200.0
"""A line of hours is what an outage is; whoever stands in it stays."""
_AT_THE_BELT = 3600.0

_TO_COUNTER = 120.0
_TO_BELT = 300.0
_LOOK_AGAIN = 600.0
_LOOKS = 6

_STAY = {"visa": 30, "stay-permit": 180}
"""Days."""


def passenger(
    *, actor: str, airport: str, flight: str, who: int, tag: str, autogate: bool, readable: bool
) -> Journey:
    """Crossing `actor` of person number `who`, at a gate first if they want one and it is there.

    Whoever a gate did not let through goes to a counter with the same crossing: the gate may have
    recorded it, if its answer was lost, and must not have it recorded twice.
    """
    asked = _asked(actor, flight, person(who), readable=readable)
    admitted = False
    if autogate:
        answer = yield _ask("autogate", airport, asked, _AT_A_GATE)
        admitted = _admitted(answer)
        if not admitted:
            yield Pause(_TO_COUNTER)
    if not admitted:
        answer = yield from persist(_ask("counter", airport, asked, _IN_LINE), actor)
        admitted = _admitted(answer)
    if admitted:
        yield Pause(_TO_BELT)
        yield from _claim(actor, airport, tag)


def _asked(crossing: str, flight: str, who: Person, *, readable: bool) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "crossing": crossing,
        "mrz": lines(who, readable=readable),
        "flight": flight,
        "direction": "arrival",
    }
    if who.number is not None:
        asked["visa"] = {"number": who.number, "days": _STAY[who.kind]}
    return asked


def _ask(desk: str, airport: str, asked: Mapping[str, Any], patience: float) -> Request:
    return Request(
        op=desk,
        service=f"{desk}-{airport}",
        method="POST",
        path="/travellers",
        json=dict(asked),
        timeout=patience,
        input=asked,
    )


def _admitted(answer: Response) -> bool:
    return answer.outcome == "ok" and answer.json.get("decision") == "admitted"


def _claim(actor: str, airport: str, tag: str) -> Generator[Request | Pause, Response, None]:
    """Look for the bag; one that is not there yet is looked for again."""
    request = Request(
        op="claim",
        service=f"baggage-{airport}",
        method="POST",
        path=f"/bags/{tag}/claim",
        json={"passenger": actor},
        timeout=_AT_THE_BELT,
        input={"tag": tag, "passenger": actor},
    )
    for _ in range(_LOOKS):
        answer = yield from persist(request, actor)
        if answer.status != 404:
            return
        yield Pause(_LOOK_AGAIN)
