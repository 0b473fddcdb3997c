"""The check notices."""

import pytest

from harness.checks import Verdict
from tests.run_builder import RunBuilder

LIMITS = {"first": "2m", "every": "10m", "after": "5m", "languages": ["id", "en"], "jitter": 0}


def judge_notices(run: RunBuilder, **params: object) -> Verdict:
    return run.judge("notices", **{**LIMITS, **params})


def outage(*extra: float, clear: float | None = 44.0, first: float = 12.0) -> RunBuilder:
    """Down from 10 to 40.1 (one second is a minute); progress at `extra`, else every ten."""
    run = RunBuilder().fault("cut", 10, 40).notice(first, "disruption")
    for t in extra or (22.0, 32.0, 42.0):
        run.notice(t, "progress")
    if clear is not None:
        run.notice(clear, "all-clear")
    return run.end(80)


def test_notices_in_time_and_to_the_end_pass() -> None:
    verdict = judge_notices(outage())
    assert verdict.result == "pass"
    assert verdict.reason == "5 notices, at most 10 min apart"
    assert verdict.measured == {
        "notices": 5,
        "longest_gap_life_s": 600.0,
        "longest_gap_real_s": 10.0,
        "first_life_s": 120.0,
        "first_real_s": 2.0,
    }


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            outage(first=13.0),
            "the first notice came only after 3 min of cut, where 2 min are allowed",
        ),
        (
            RunBuilder().fault("cut", 10, 40).end(80),
            "no notice of a disruption came within 1 h 10 min of cut, where 2 min are allowed",
        ),
        (
            outage(22, 40),
            "no notice was published for 18 min, where one is promised every 10 min",
        ),
        (
            outage(22, 32, clear=None),
            "no notice was published for 48 min, where one is promised every 10 min",
        ),
        (outage().notice(25, "progress", 7, id="kabar", en=" "), "notice 7 has no text in 'en'"),
        (outage(22, clear=32), "the all-clear came while cut still lasted"),
        (
            outage().mode(11, "desk", "manual").mode(60, "desk", "automatic"),
            "the all-clear came while desk was still manual",
        ),
        (
            outage(22, 32, 42, clear=46),
            (
                "the all-clear came only after 5 min 54 s of the return to normal, "
                "where 5 min are allowed"
            ),
        ),
        (
            outage(22, 32, 42, 52, 62, 72, clear=None),
            "no all-clear came within 39 min 54 s of the return to normal, where 5 min are allowed",
        ),
    ],
)  # fmt: skip
def test_late_missing_and_false_notices_fail(run: RunBuilder, reason: str) -> None:
    verdict = judge_notices(run)
    assert (verdict.reason, verdict.result) == (reason, "fail")


def test_notices_exactly_at_the_limit_pass_and_jitter_is_wall_clock_time() -> None:
    late = outage(22.1, 32.1, 42.1, first=12.1)
    assert judge_notices(late).result == "fail"
    assert judge_notices(late, jitter="100ms").result == "pass"


def test_the_all_clear_is_due_from_when_the_last_service_is_back() -> None:
    run = outage(22, 32, 42, 50, clear=54).mode(11, "desk", "manual").mode(49, "desk", "automatic")
    assert judge_notices(run).result == "pass"


def test_the_all_clear_is_due_from_when_the_last_stage_is_done() -> None:
    run = outage(22, 32, 42, 50, clear=54).stage(49, "gates", "done", 1.0)
    assert judge_notices(run).result == "pass"


def test_no_notices_are_due_between_the_all_clear_and_the_next_outage() -> None:
    run = outage().fault("again", 100, 110).notice(101, "disruption").notice(111, "progress")
    assert judge_notices(run.notice(112, "all-clear").end(150)).result == "pass"


def test_a_second_outage_needs_an_announcement_of_its_own() -> None:
    run = outage().fault("again", 100, 110).notice(105, "disruption").notice(112, "all-clear")
    assert judge_notices(run).reason == (
        "the first notice came only after 5 min of again, where 2 min are allowed"
    )


def test_an_outage_within_an_outage_needs_no_first_notice() -> None:
    run = outage().fault("more", 20, 38)
    assert judge_notices(run).result == "pass"


def test_only_the_publishing_service_counts() -> None:
    assert judge_notices(outage(), service="command").result == "pass"
    assert judge_notices(outage(), service="radio").result == "fail"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().end(),
            "no fault was injected in this run, so there is no outage to judge",
        ),
        (
            RunBuilder().fault("cut", 10, None).notice(11, "disruption").end(20),
            "the outage was not verified as healed, so no all-clear was due",
        ),
        (
            outage(22, 32, 42, 52, 62, 72, clear=None).mode(11, "desk", "manual"),
            "the system did not return to normal; no all-clear was due",
        ),
        (
            RunBuilder().fault("cut", 10, 20).notice(12, "disruption").end(22),
            "the run ended before the all-clear was due",
        ),
    ],
)
def test_notices_that_were_not_due_yet_are_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = judge_notices(run)
    assert (verdict.reason, verdict.result) == (reason, "inconclusive")
