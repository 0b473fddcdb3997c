"""The check stages_in_order."""

from typing import Any

import pytest

from tests.run_builder import RunBuilder

PLAN = {"watch": (), "border": ("watch",), "gates": ("border",)}


def open_stage(run: RunBuilder, stage: str, at: float) -> RunBuilder:
    """Open half of the stage at `at`, all of it a second later; done after one more."""
    run.stage(at, stage, "ramping", 0.5).stage(at + 1, stage, "ramping", 1.0)
    return run.stage(at + 2, stage, "done", 1.0)


def recovery() -> RunBuilder:
    run = RunBuilder().plan(**PLAN).fault("cut", 10, 40).end()
    for stage in PLAN:
        run.stage(0, stage, "done", 1.0).stage(12, stage, "closed")
    return run


def full_recovery() -> RunBuilder:
    return open_stage(open_stage(open_stage(recovery(), "watch", 41), "border", 45), "gates", 50)


def test_stages_in_the_plans_order_pass() -> None:
    verdict = full_recovery().judge("stages_in_order")
    assert verdict.result == "pass"
    assert verdict.reason == "3 stages came back in the plan's order"
    assert verdict.measured == {"stages": 3, "moves": 12, "relapses": 0}


def test_stages_without_a_closed_event_may_start_by_ramping() -> None:
    run = RunBuilder().plan(**PLAN).fault("cut", 10, 40).end()
    run = open_stage(open_stage(open_stage(run, "watch", 41), "border", 45), "gates", 50)
    assert run.judge("stages_in_order").result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            open_stage(open_stage(open_stage(recovery(), "border", 41), "watch", 45), "gates", 50),
            "stage border opened before watch was done (and 1 more breach)",
        ),
        (
            full_recovery().stage(41.5, "border", "ramping", 0.1),
            "stage border opened before watch was done",
        ),
        (
            full_recovery().stage(50.5, "gates", "ramping", 0.7, gate=False),
            "stage gates advanced although its gate did not hold",
        ),
        (
            open_stage(open_stage(recovery(), "watch", 41), "border", 45)
            .stage(50, "gates", "ramping", 1.0)
            .stage(52, "gates", "done", 1.0, gate=False),
            "stage gates advanced although its gate did not hold",
        ),
        (
            full_recovery().stage(51.5, "gates", "ramping", 0.4),
            "stage gates fell from 100% to 40% without being closed",
        ),
        (
            full_recovery().stage(20, "watch", "ramping", 0.1),
            "stage watch opened 10 min into cut, before the heal",
        ),
        (full_recovery().stage(60, "boats", "ramping", 0.5), "stage boats is not in the plan"),
        (open_stage(recovery(), "watch", 41), "2 stages never came back: border, gates"),
        (
            full_recovery()
            .stage(60, "watch", "relapsed")
            .stage(61, "watch", "ramping", 1.0)
            .stage(62, "watch", "done", 1.0),
            "stage border stayed open when watch, which it follows, relapsed (and 1 more breach)",
        ),
    ],
)
def test_breaches_of_the_plan_fail(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("stages_in_order")
    assert (verdict.reason, verdict.result) == (reason, "fail")


def test_a_relapse_that_closes_the_dependent_stages_passes() -> None:
    run = full_recovery().stage(60, "border", "relapsed").stage(60.5, "gates", "closed")
    run = open_stage(open_stage(run, "border", 62), "gates", 66)
    verdict = run.judge("stages_in_order")
    assert verdict.result == "pass"
    assert verdict.measured["relapses"] == 1


def test_after_a_relapse_dependent_stages_must_wait_again() -> None:
    run = full_recovery().stage(60, "border", "relapsed").stage(60.5, "gates", "closed")
    run = open_stage(open_stage(run, "gates", 61), "border", 66)
    assert run.judge("stages_in_order").reason.startswith("stage gates opened before border")


@pytest.mark.parametrize(("params", "result"), [
    ({"max_step": 0.5}, "pass"),
    ({"max_step": 0.4}, "fail"),
    ({"dwell": "1m"}, "pass"),
    ({"dwell": "61s"}, "fail"),
])  # fmt: skip
def test_steps_can_be_limited_in_size_and_dwell(params: dict[str, Any], result: str) -> None:
    assert full_recovery().judge("stages_in_order", **params).result == result


def test_a_plan_has_the_grace_time_to_detect_a_second_fault() -> None:
    run = full_recovery().fault("again", 45.5, 70)
    run.stage(75, "border", "relapsed").stage(75, "gates", "relapsed")
    run = open_stage(open_stage(run, "border", 76), "gates", 80)
    assert run.judge("stages_in_order").result == "fail"
    assert run.judge("stages_in_order", grace="6m").result == "pass"


def test_only_the_named_stages_must_come_back() -> None:
    run = open_stage(recovery(), "watch", 41)
    assert run.judge("stages_in_order", stages="watch").result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().plan(**PLAN).end(),
            "no fault was injected in this run, so there is no outage to judge",
        ),
        (
            RunBuilder().fault("cut", 10, 40).end(),
            "no recovery plan was logged, so there is no order to judge",
        ),
        (
            RunBuilder().plan(**PLAN).fault("cut", 10, 40).end(),
            "no stage of the recovery plan moved",
        ),
        (
            open_stage(RunBuilder().plan(**PLAN).fault("cut", 10, 40), "watch", 41),
            "the run was cut short before 2 stages came back: border, gates",
        ),
    ],
)
def test_a_plan_that_was_not_observed_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("stages_in_order")
    assert (verdict.reason, verdict.result) == (reason, "inconclusive")


def test_a_cyclic_plan_does_not_hang() -> None:
    run = (
        RunBuilder().plan(a=("b",), b=("a",)).fault("cut", 10, 40).stage(41, "a", "relapsed").end()
    )
    assert run.judge("stages_in_order").result == "fail"
