"""The arrivals that are drawn from a seed."""

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from experiments.journeys import arrivals
from experiments.journeys._params import Rush
from experiments.journeys._schedule import poisson_times
from harness.errors import UsageError
from harness.load import Arrival, check_journeys
from harness.scenario import Load, load_scenario
from services.population import person

ROOT = Path(__file__).parents[2]
HOUR = 3600.0
PARAMS: dict[str, Any] = {
    "airports": {
        "cgk": {"flights_per_hour": 6, "passengers": 20},
        "sub": {"flights_per_hour": 2, "passengers": 10},
    },
    "office": {"applications_per_hour": 10},
}


def draw(seed: int = 1, duration: float = 50 * HOUR, **changes: Any) -> list[Arrival]:
    return list(arrivals({**PARAMS, **changes}, Random(seed), duration))


def passengers(arriving: list[Arrival]) -> list[Arrival]:
    return [one for one in arriving if one.journey == "passenger"]


def test_arrivals_depend_on_the_seed_alone() -> None:
    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_arrivals_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    program = (
        "import hashlib, sys; from random import Random; from experiments.journeys import arrivals;"
        f"arriving = list(arrivals({PARAMS!r}, Random(1), 180000.0));"
        "print(hashlib.sha256(repr(arriving).encode()).hexdigest())"
    )
    here = hashlib.sha256(repr(draw(1)).encode()).hexdigest()
    for seed in ("0", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here


def test_arrivals_are_in_order_and_within_the_duration() -> None:
    times = [one.at for one in draw()]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 50 * HOUR


def test_ids_and_tags_are_unique() -> None:
    arriving = draw()
    assert max(Counter(one.actor for one in arriving).values()) == 1
    tags = [one.args["tag"] for one in passengers(arriving)]
    assert len(tags) == len(set(tags))
    assert all(len(tag) == 10 and tag.isdigit() for tag in tags)


def test_every_bag_of_a_flight_has_its_passenger() -> None:
    arriving = draw()
    landed = {one.actor: one for one in arriving if one.journey == "flight"}
    passengers_of: dict[str, list[Arrival]] = {}
    for one in passengers(arriving):
        passengers_of.setdefault(one.args["flight"], []).append(one)
    assert set(passengers_of) == set(landed)
    for name, flight in landed.items():
        aboard = passengers_of[name]
        assert sorted(one.args["tag"] for one in aboard) == sorted(flight.args["tags"])
        assert all(240 <= one.at - flight.at <= 1500 for one in aboard)
        assert {one.args["airport"] for one in aboard} == {flight.args["airport"]}


def test_as_many_arrive_as_the_parameters_say() -> None:
    arriving = draw()
    flights = Counter(one.args["airport"] for one in arriving if one.journey == "flight")
    assert flights["cgk"] == pytest.approx(300, rel=0.2)
    assert flights["sub"] == pytest.approx(100, rel=0.3)
    at_cgk = [one for one in passengers(arriving) if one.args["airport"] == "cgk"]
    assert len(at_cgk) / flights["cgk"] == pytest.approx(20, rel=0.1)
    assert sum(one.journey == "applicant" for one in arriving) == pytest.approx(500, rel=0.15)


def test_all_kinds_of_people_arrive() -> None:
    arriving = passengers(draw())
    kinds = Counter(person(one.args["who"]).kind for one in arriving)
    assert kinds["citizen"] / len(arriving) == pytest.approx(0.55, abs=0.05)
    assert kinds["visa"] / len(arriving) == pytest.approx(0.30, abs=0.05)
    assert kinds["stay-permit"] / len(arriving) == pytest.approx(0.13, abs=0.05)
    assert sum(person(one.args["who"]).listed for one in arriving) > 20
    assert sum(person(one.args["who"]).cancelled for one in arriving) > 20
    assert sum(not one.args["readable"] for one in arriving) / len(arriving) == pytest.approx(
        0.02, abs=0.01
    )


def test_passengers_use_autogates_only_where_there_are_some() -> None:
    arriving = passengers(draw())
    gates = Counter(one.args["airport"] for one in arriving if one.args["autogate"])
    passengers_of = Counter(one.args["airport"] for one in arriving)
    assert gates["sub"] == 0
    assert gates["cgk"] / passengers_of["cgk"] == pytest.approx(0.66, abs=0.05)
    airports = {"sub": {"flights_per_hour": 9, "passengers": 9, "autogate": True}}
    assert any(one.args["autogate"] for one in passengers(draw(airports=airports)))


def test_applicants_apply_only_for_what_their_kind_can_have() -> None:
    arriving = [one for one in draw() if one.journey == "applicant"]
    kinds = {"passport": "citizen", "visa": "visa", "stay-permit": "stay-permit"}
    assert {one.args["service"] for one in arriving} == set(kinds)
    for one in arriving:
        assert person(one.args["who"]).kind == kinds[one.args["service"]]
        assert one.args["service"] == "passport" or not one.args["same_day"]
    assert any(one.args["same_day"] for one in arriving)


def test_a_change_of_one_airport_does_not_change_another() -> None:
    def landings(arriving: list[Arrival]) -> list[float]:
        return [o.at for o in arriving if o.journey == "flight" and o.args["airport"] == "sub"]

    busier = {**PARAMS["airports"], "cgk": {"flights_per_hour": 12, "passengers": 20}}
    assert landings(draw()) == landings(draw(airports=busier))


def test_a_rush_changes_the_rate_in_its_window_only() -> None:
    rush = [Rush.model_validate({"at": "10h", "for": "10h", "times": 5})]
    times = list(poisson_times(Random(1), 20, rush, 40 * HOUR))
    inside = [at for at in times if 10 * HOUR <= at < 20 * HOUR]
    assert len(inside) == pytest.approx(1000, rel=0.1)
    assert len(times) - len(inside) == pytest.approx(600, rel=0.15)
    nobody = [Rush.model_validate({"at": 0, "for": "40h", "times": 0})]
    assert list(poisson_times(Random(1), 20, nobody, 40 * HOUR)) == []


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"airport": {}}, "load.params: airport: unknown key"),
        ({"airports": {"CGK": {}}}, "load.params: airports.CGK"),
        ({"airports": {"cgk": {"passengers": 5}}}, "airports.cgk.flights_per_hour: is missing"),
        ({"airports": {"cgk": {"flights_per_hour": -1, "passengers": 5}}}, "flights_per_hour: Inp"),
        ({"office": {"applications_per_hour": "x"}}, "load.params: office.applications_per_hour"),
        ({"unreadable": 2}, "load.params: unreadable: Input should be less than or equal to 1"),
    ],
)
def test_invalid_parameters_are_reported(params: dict[str, Any], problem: str) -> None:
    load = Load(journeys="experiments.journeys", duration=HOUR, params=params)
    with pytest.raises(UsageError) as caught:
        check_journeys(load, ROOT)
    assert any(problem in line for line in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.scenario.yaml")), ids=str)
def test_every_scenario_has_arrivals(path: Path) -> None:
    scenario = load_scenario(path)
    assert check_journeys(scenario.load, ROOT, scenario.seed) > 50
