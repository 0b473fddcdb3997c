"""Journeys of passengers, flights and applicants with scripted answers."""

from typing import Any

import pytest

from experiments.journeys import JOURNEYS
from services.mrz import MrzError, parse
from services.population import person

from .walk import Walked, fail, ok, unknown, walk

ADMITTED = ok(decision="admitted", path="online", source="central", receipt=7)
HELD = ok(decision="held", path="manual", source="snapshot", reason="watchlist")
REFERRED = ok(decision="referred", reason="unreadable")
CLOSED = fail(503, error="closed", go_to="counter-cgk")
CLAIMED = ok(200, tag="0997000001", passenger="X-ZX101-1A", **{"from": "belt"})

FOREIGNER = next(i for i in range(100) if person(i).kind == "visa")
CITIZEN = next(i for i in range(100) if person(i).kind == "citizen")


def passenger(*answers: Any, **changes: Any) -> Walked:
    args: dict[str, Any] = {
        "actor": "X-ZX101-1A",
        "airport": "cgk",
        "flight": "ZX101",
        "who": CITIZEN,
        "tag": "0997000001",
        "autogate": True,
        "readable": True,
    }
    script = answers[0] if len(answers) == 1 and callable(answers[0]) else answers
    return walk(JOURNEYS["passenger"](**{**args, **changes}), script)


@pytest.mark.parametrize("answer", [REFERRED, CLOSED, fail(), unknown(), unknown(500), fail(422)])
def test_a_passenger_not_admitted_at_an_autogate_takes_the_same_crossing_to_a_counter(
    answer: Any,
) -> None:
    walked = passenger(answer, ADMITTED, CLAIMED)
    assert walked.ops == ["autogate", "counter", "claim"]
    gate, counter, _ = walked.requests
    assert (gate.service, counter.service) == ("autogate-cgk", "counter-cgk")
    assert gate.json == counter.json
    assert gate.json["crossing"] == "X-ZX101-1A"


def test_an_admitted_passenger_claims_the_bag_with_the_crossing() -> None:
    walked = passenger(ADMITTED, CLAIMED)
    assert walked.ops == ["autogate", "claim"]
    claim = walked.requests[-1]
    assert (claim.service, claim.path) == ("baggage-cgk", "/bags/0997000001/claim")
    assert claim.json == {"passenger": "X-ZX101-1A"}
    assert claim.input == {"tag": "0997000001", "passenger": "X-ZX101-1A"}


def test_a_passenger_without_autogate_goes_to_a_counter_directly() -> None:
    assert passenger(ADMITTED, CLAIMED, autogate=False).ops == ["counter", "claim"]


def test_a_passenger_who_is_held_claims_no_bag() -> None:
    assert passenger(REFERRED, HELD).ops == ["autogate", "counter"]


@pytest.mark.parametrize("answer", [unknown(), unknown(500), fail(), fail(503)])
def test_a_counter_request_is_retried_with_the_same_crossing(answer: Any) -> None:
    walked = passenger(answer, answer, answer, ADMITTED, CLAIMED, autogate=False)
    assert walked.ops == ["counter"] * 4 + ["claim"]
    assert len({request.json["crossing"] for request in walked.requests[:4]}) == 1
    assert all(request == walked.requests[0] for request in walked.requests[:4])


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_final_refusal_of_a_counter_is_not_retried(status: int) -> None:
    assert passenger(fail(status), autogate=False).ops == ["counter"]


@pytest.mark.parametrize("answer", [unknown(), fail()])
def test_retries_last_longer_than_a_restart_and_end(answer: Any) -> None:
    walked = passenger(lambda request: answer, autogate=False)
    assert 12 * 3600 < walked.paused < 36 * 3600
    assert len(walked.requests) == 48


def test_passengers_refused_together_do_not_retry_together() -> None:
    paused = {
        passenger(fail(), HELD, actor=f"X-ZX101-{n}A", autogate=False).paused for n in range(50)
    }
    assert len(paused) > 40
    assert min(paused) >= 90
    assert max(paused) <= 150


def test_a_bag_that_was_not_delivered_yet_is_claimed_again() -> None:
    walked = passenger(ADMITTED, fail(404), fail(404), CLAIMED)
    assert walked.ops == ["autogate", "claim", "claim", "claim"]


def test_a_bag_of_another_passenger_is_not_claimed_again() -> None:
    assert passenger(ADMITTED, fail(409)).ops == ["autogate", "claim"]


def test_only_foreigners_send_a_visa() -> None:
    shown = passenger(ADMITTED, CLAIMED, who=FOREIGNER).requests[0].json
    assert shown["visa"] == {"number": person(FOREIGNER).number, "days": 30}
    assert "visa" not in passenger(ADMITTED, CLAIMED, who=CITIZEN).requests[0].json


@pytest.mark.parametrize("who", range(0, 400, 7))
def test_the_machine_readable_zone_matches_the_registry(who: int) -> None:
    zone = parse(tuple(passenger(HELD, HELD, who=who).requests[0].json["mrz"]))
    assert zone.document == person(who).document
    assert zone.nationality == person(who).nationality


@pytest.mark.parametrize("who", range(0, 400, 7))
def test_an_unreadable_zone_cannot_be_parsed(who: int) -> None:
    walked = passenger(REFERRED, HELD, who=who, readable=False)
    with pytest.raises(MrzError):
        parse(tuple(walked.requests[0].json["mrz"]))


def test_a_flight_delivers_its_bags_until_acknowledged() -> None:
    journey = JOURNEYS["flight"](actor="ZX101", airport="sub", tags=["0997000001", "0997000002"])
    walked = walk(journey, [fail(), unknown(), ok(201)])
    assert walked.ops == ["bags"] * 3
    assert {(r.service, r.path) for r in walked.requests} == {("baggage-sub", "/flights/ZX101")}
    assert walked.requests[0].json == {"tags": ["0997000001", "0997000002"]}
    assert walked.requests[0].input["tags"] == ["0997000001", "0997000002"]


def applicant(*answers: Any, same_day: bool = False) -> Walked:
    journey = JOURNEYS["applicant"](
        actor="A-00001", service="passport", who=CITIZEN, same_day=same_day
    )
    return walk(journey, answers)


@pytest.mark.parametrize("answer", [ok(201, path="online"), ok(202, path="offline"), fail(409)])
def test_an_applicant_does_not_retry_a_final_answer(answer: Any) -> None:
    walked = applicant(answer)
    assert walked.ops == ["apply"]
    assert walked.requests[0].json == walked.requests[0].input


def test_an_applicant_retries_with_the_same_id() -> None:
    walked = applicant(unknown(), fail(), fail(503, error="journal"), ok(202))
    assert [request.json["id"] for request in walked.requests] == ["A-00001"] * 4


def test_a_refused_same_day_application_becomes_an_ordinary_one() -> None:
    walked = applicant(unknown(500), fail(503, error="same-day"), ok(202), same_day=True)
    assert [(r.json["id"], r.json["same_day"]) for r in walked.requests] == [
        ("A-00001", True),
        ("A-00001", True),
        ("A-00001-ordinary", False),
    ]
