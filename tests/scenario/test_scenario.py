"""Scenarios in YAML, Python and JSON are read back as they were written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario import (
    Expectation,
    Scenario,
    find_scenarios,
    load_scenario,
    parse_duration,
    write_duration,
)
from harness.scenario._yaml import load_yaml

YAML = """
name: outage
title: An outage
pace: 60
origin: 2024-06-20T04:00:00+07:00
load: {journeys: journeys, duration: 1h30m, params: {shops: [north]}}
timeline:
  - {name: outage, at: 10m, fault: blackhole, on: {site: datacenter}, for: 20m}
  - {after: outage, delay: 90s, fault: kill, on: {service: payment}, for: 1m}
  - when: {event: journal, at_least: {share: 0.5}, within: 2h}
    call: {service: payment, path: /x, json: {a: 1}}
expect:
  - quiesced
  - notices: {every: 6h}
  - {check: notices, name: sparse, params: {every: 12h}}
"""

PYTHON = """
from harness.scenario import FaultStep, Load, Scenario, Target

scenario = Scenario(
    name="python", title="In Python", load=Load(journeys="j", duration="1h"),
    timeline=(FaultStep(fault="cut", on=Target(site="dc"), at="1m", for_="5m"),),
    expect=("quiesced",),
)
"""


def test_a_yaml_scenario_round_trips_through_the_json_of_the_run_folder(tmp_path: Path) -> None:
    path = tmp_path / "outage.scenario.yaml"
    path.write_text(YAML)
    scenario = load_scenario(path)
    assert scenario.faults[0].for_ == 1200.0
    assert scenario.timeline[2].when is not None
    assert (
        Scenario.model_validate_json(scenario.model_dump_json(by_alias=True, exclude_none=True))
        == scenario
    )


def test_a_scenario_can_be_written_in_python(tmp_path: Path) -> None:
    path = tmp_path / "python.scenario.py"
    path.write_text(PYTHON)
    assert load_scenario(path).faults[0].at == 60.0


def test_scenarios_are_found_by_name(tmp_path: Path) -> None:
    for name in ("b.scenario.yaml", "a.scenario.py", "c.yaml"):
        (tmp_path / name).touch()
    assert list(find_scenarios(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize(
    ("short", "name", "params"),
    [
        ("quiesced", "quiesced", {}),
        ({"notices": {"every": "6h"}}, "notices", {"every": "6h"}),
        ({"notices": None}, "notices", {}),
        ({"check": "notices", "name": "n", "params": {"a": 1}}, "n", {"a": 1}),
        ({"check": "notices"}, "notices", {}),
    ],
)
def test_an_expectation_has_three_short_forms(
    short: object, name: str, params: dict[str, object]
) -> None:
    expectation = Expectation.model_validate(short)
    assert (expectation.name, expectation.params) == (name, params)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("18s", 18), ("250ms", 0.25), ("1h30m", 5400), ("3d", 259200), ("2min", 120), (7, 7)],
)
def test_durations_are_parsed(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1h later", "-5s", "5 parsecs", True, None, []])
def test_an_invalid_duration_is_an_error(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_written_duration_is_parsed_back(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(write_duration(seconds)) == pytest.approx(seconds, abs=1e-6)


def test_many_values_without_aliases_are_read() -> None:
    content = load_yaml("\n".join(f"- {{a: {n}, b: x}}" for n in range(25_000)))
    assert content[-1] == {"a": 24_999, "b": "x"}


def test_aliases_are_read() -> None:
    assert load_yaml("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}") == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 1, "y": 2},
    }
