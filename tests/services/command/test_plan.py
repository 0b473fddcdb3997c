"""What a plan may be, and what is said about one that may not."""

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
    assert plan.later["watchlist"] == set(plan.stages) - {"watchlist"}
    assert plan.later["autogate-cgk"] == {"autogate-dps"}
    assert plan.relying["autogate-cgk"] == frozenset()
    assert plan.relying["border"] == plan.later["border"]
    assert plan.later["passport"] == frozenset()


def test_a_plan_comes_from_a_file_or_from_the_environment_itself(tmp_path: Path) -> None:
    text = stages(ramp=[0.5, 1])
    (tmp_path / "plan.json").write_text(text)
    assert load_plan(text) == load_plan(str(tmp_path / "plan.json"))
    assert load_plan(text).stages["visa"].ramp == (0.5, 1.0)
    assert load_plan("") == load_plan(None)


def test_the_pace_of_machines_stretches_every_duration() -> None:
    plan = load_plan(stages(dwell=300)).paced(lambda seconds: max(seconds, 2400))
    assert plan.stages["visa"].dwell == 2400
    assert plan.patience == 21600


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "plan: Input data was truncated"),
        ('{"stages": {}}', "plan: it has no stages"),
        ('{"stages": {"visa": {}}}', "missing required field `target`"),
        ('{"stages": [], "patience": 1}', "Expected `object`, got `array`"),
        (stages(opens="doors"), "Invalid enum value 'doors'"),
        (stages(rampe=[1]), "unknown field `rampe`"),
        (stages(ramp=[]), "stage visa: `ramp` is empty; its last step must be 1"),
        (stages(ramp=[0.5]), "stage visa: `ramp` must rise from above 0 to 1"),
        (stages(ramp=[0, 1]), "stage visa: `ramp` must rise from above 0 to 1"),
        (stages(ramp=[0.5, 0.5, 1]), "stage visa: `ramp` must rise with each step"),
        (stages(opens="nothing", ramp=[0.5, 1]), "stage visa: it opens nothing"),
        (stages(dwell=-1), "stage visa: `dwell` must not be negative"),
        (stages(ready_for=0), "stage visa: `ready_for` must be at least 1"),
        (stages(max_errors=2), "stage visa: `max_errors` is a share"),
        (stages(after=["permit"]), "stage visa: there is no stage 'permit'"),
        (stages(needs=["permit"]), "stage visa: there is no stage 'permit'"),
        (stages(after=["visa"]), "in a circle: visa -> visa"),
        (
            json.dumps({"stages": {"visa": VISA}, "patience": 0}),
            "plan: `patience` must be positive, not 0",
        ),
        (
            json.dumps({"stages": {"visa": VISA, "again": VISA}}),
            "stage visa: again opens visa as well",
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
            "in a circle: a -> c -> b -> a",
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
            "stage visa: it needs a, but does not come after it",
        ),
        ("/nowhere/plan.json", "plan /nowhere/plan.json: No such file or directory"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(text: str, says: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
