"""Loading and validating plans."""

import json
from pathlib import Path

import pytest

from services.command import PlanError, load_plan

VISA = {"target": "visa", "opens": "admission"}


def stages(**changed: object) -> str:
    return json.dumps({"stages": {"visa": {**VISA, **changed}}})


def test_the_default_plan_follows_the_order_of_2024() -> None:
    plan = load_plan()
    assert list(plan.stages) == [
        "watchlist",
        "border",
        "journal-cgk",
        "journal-dps",
        "journal-sub",
        "autogate-cgk",
        "autogate-dps",
        "visa",
        "stay-permit",
        "passport",
    ]
    assert plan.successors["watchlist"] == set(plan.stages) - {"watchlist"}
    assert plan.successors["autogate-cgk"] == {"autogate-dps"}
    assert plan.dependents["autogate-cgk"] == frozenset()
    assert plan.dependents["border"] == plan.successors["border"]
    assert plan.successors["passport"] == frozenset()


def test_a_plan_is_loaded_from_a_file_or_from_json_text(tmp_path: Path) -> None:
    text = stages(ramp=[0.5, 1])
    (tmp_path / "plan.json").write_text(text)
    assert load_plan(text) == load_plan(str(tmp_path / "plan.json"))
    assert load_plan(text).stages["visa"].ramp == (0.5, 1.0)
    assert load_plan("") == load_plan(None)


def test_paced_applies_the_minimum_to_every_duration() -> None:
    plan = load_plan(stages(dwell=300)).paced(lambda seconds: max(seconds, 2400))
    assert plan.stages["visa"].dwell == 2400
    assert plan.patience == 21600


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "plan: Input data was truncated"),
        ('{"stages": {}}', "plan: `stages` is empty"),
        ('{"stages": {"visa": {}}}', "missing required field `target`"),
        ('{"stages": [], "patience": 1}', "Expected `object`, got `array`"),
        (stages(opens="doors"), "Invalid enum value 'doors'"),
        (stages(rampe=[1]), "unknown field `rampe`"),
        (stages(ramp=[]), "stage visa: `ramp` is empty; its last step must be 1"),
        (stages(ramp=[0.5]), "stage visa: `ramp` must rise from above 0 to 1"),
        (stages(ramp=[0, 1]), "stage visa: `ramp` must rise from above 0 to 1"),
        (stages(ramp=[0.5, 0.5, 1]), "stage visa: `ramp` must rise with each step"),
        (stages(opens="nothing", ramp=[0.5, 1]), "stage visa: `opens` is nothing"),
        (stages(dwell=-1), "stage visa: `dwell` must be finite and at least 0"),
        (stages(ready_for=0), "stage visa: `ready_for` must be at least 1"),
        (stages(max_errors=2), "stage visa: `max_errors` must be a share from 0 to 1"),
        (stages(after=["permit"]), "stage visa: `after` or `needs` names 'permit'"),
        (stages(needs=["permit"]), "stage visa: `after` or `needs` names 'permit'"),
        (stages(after=["visa"]), "in a cycle: visa -> visa"),
        (
            json.dumps({"stages": {"visa": VISA}, "patience": 0}),
            "plan: `patience` must be positive, not 0",
        ),
        (
            json.dumps({"stages": {"visa": VISA, "again": VISA}}),
            "stage visa: stage again opens visa too",
        ),
        (
            json.dumps(
                {
                    "stages": {
                        "a": {"target": "a", "opens": "lanes", "after": ["c"]},
                        "b": {"target": "b", "opens": "lanes", "after": ["a"]},
                        "c": {"target": "c", "opens": "lanes", "after": ["b"]},
                        "free": VISA,
                    }
                }
            ),
            "in a cycle: a -> c -> b -> a",
        ),
        (
            json.dumps(
                {
                    "stages": {
                        "a": {"target": "a", "opens": "lanes"},
                        "visa": {**VISA, "needs": ["a"]},
                    }
                }
            ),
            "stage visa: `needs` names a, but the stage does not come after it",
        ),
        ("/nowhere/plan.json", "plan /nowhere/plan.json: No such file or directory"),
    ],
)
def test_an_invalid_plan_is_refused(text: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
