"""Checks of recovery: no_storm, backlog_drains, errors_subside."""

import pytest

from harness.checks import Verdict
from harness.load import classify
from tests.run_builder import RunBuilder

# ---- no_storm -----------------------------------------------------------------------------------


def traffic(after: float = 100.0) -> RunBuilder:
    """100 requests a second reach the bank before the fault, `after` a second after it."""
    run = RunBuilder().fault("cut", 10, 20).requests(300, 21, 50, "pay").end(50)
    for t in range(10):
        run.gauge(t, "bank", received=100)
    for t in range(21, 50):
        run.gauge(t, "bank", received=after)
    return run


def test_a_recovery_within_its_bounds_passes() -> None:
    verdict = traffic().judge("no_storm", tenants="bank", per_request=10, peak=1.5, slice="5m")
    assert verdict.result == "pass"
    assert verdict.reason == (
        "9.67 requests per user request reached the tenants after recovery, "
        "at most 0.98 times the usual load"
    )


@pytest.mark.parametrize(("bound", "result"), [(9.67, "pass"), (9.66, "fail")])
def test_exactly_the_bound_is_allowed(bound: float, result: str) -> None:
    assert traffic().judge("no_storm", tenants="bank", per_request=bound).result == result


def test_too_many_requests_per_user_request_fail() -> None:
    verdict = traffic(500).judge("no_storm", tenants="bank", per_request=10)
    assert verdict.result == "fail"
    assert verdict.reason == (
        "48.3 requests per user request reached the tenants after recovery, where 10 are allowed"
    )


def test_a_short_burst_is_found_in_its_slice() -> None:
    run = traffic().gauge(30.5, "bank", received=2000)
    verdict = run.judge("no_storm", tenants="bank", per_request=100, peak=3, slice="5m")
    assert verdict.result == "fail"
    assert verdict.reason == (
        "the busiest 5 min of recovery had 4.9 times the usual load of the tenants, "
        "where 3 times are allowed"
    )
    assert run.evidence(verdict)[0].t == 30.5


def test_only_gauges_of_tenants_in_the_window_count() -> None:
    run = traffic().gauge(30, "cafe", received=9999).gauge(45, "bank", received=9999)
    verdict = run.judge("no_storm", tenants="bank", per_request=11, over="20m")
    assert verdict.result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().fault("cut", 10, None),
            "the outage was not verified as healed, so recovery never began",
        ),
        (
            RunBuilder().fault("cut", 10, 20),
            "the tenants reported no gauge with 'received' after recovery",
        ),
        (
            RunBuilder().fault("cut", 10, 20).gauge(30, "bank", received=9).request(25, "pay"),
            "only 1 user request after recovery, at least 30 needed",
        ),
        (
            RunBuilder()
            .fault("cut", 10, 20)
            .gauge(30, "bank", received=9)
            .requests(30, 21, 29, "pay"),
            "too few requests reached the tenants before the first fault",
        ),
    ],
)
def test_a_recovery_without_measurements_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("no_storm", tenants="bank", per_request=4, peak=2)
    assert (verdict.reason, verdict.result) == (reason, "inconclusive")


# ---- backlog_drains -----------------------------------------------------------------------------

ADDS = {"ops": "pay", "when": {"path": "manual"}}


def draining(*pending: int, mode: str = "mixed", quiescent: bool = True) -> RunBuilder:
    """Reports from second 19 on, one a second; the fault is healed at 20.1."""
    run = RunBuilder().fault("cut", 10, 20).mode(11, "desk", mode).end(60, quiescent=quiescent)
    for i, number in enumerate(pending):
        run.log(19 + i, "desk", "journal", pending=number)
    return run


def judge_backlog(run: RunBuilder, **params: object) -> Verdict:
    return run.judge("backlog_drains", **{"services": "desk", "within": "10m", **params})


def test_a_backlog_that_only_shrinks_passes() -> None:
    verdict = judge_backlog(draining(9, 9, 5, 5, 0))
    assert verdict.result == "pass"
    assert verdict.reason == "9 pending records drained within 2 min 54 s"
    assert verdict.measured == {
        "most_pending": 9.0, "drained_life_s": 174.0, "drained_real_s": 2.9,
    }  # fmt: skip


@pytest.mark.parametrize(("within", "result"), [("175s", "pass"), ("173s", "fail")])
def test_draining_at_the_limit_is_in_time(within: str, result: str) -> None:
    assert judge_backlog(draining(9, 9, 5, 5, 0), within=within).result == result


def test_growth_that_nothing_explains_fails() -> None:
    run = draining(9, 5, 5, 7, 0)
    verdict = judge_backlog(run)
    assert verdict.result == "fail"
    assert verdict.reason == (
        "desk's backlog grew from 5 to 7 1 min 54 s after recovery, "
        "and no new fallback work explains it"
    )
    assert [event.t for event in run.evidence(verdict)] == [22, 21]


def test_growth_before_recovery_does_not_count() -> None:
    run = draining(9, 5, 0).log(12, "desk", "journal", pending=2)
    assert judge_backlog(run).result == "pass"


def test_a_service_that_is_still_manual_may_add() -> None:
    assert judge_backlog(draining(9, 11, 12, 0, mode="manual")).result == "pass"
    assert judge_backlog(draining(9, 11, 12, 0, mode="mixed")).result == "fail"


@pytest.mark.parametrize(("answers", "result"), [(2, "pass"), (1, "fail"), (0, "fail")])
def test_growth_is_explained_by_as_many_fallback_answers(answers: int, result: str) -> None:
    run = draining(9, 5, 7, 3, 0).requests(answers, 20.5, 21, "pay", service="desk",
                                        value={"path": "manual"})  # fmt: skip
    run.requests(9, 20.5, 21, "pay", service="desk", value={"path": "central"})
    run.requests(9, 20.5, 21, "pay", service="other", value={"path": "manual"})
    assert judge_backlog(run, adds=ADDS).result == result


def test_an_unknown_outcome_may_have_added_a_record() -> None:
    run = draining(9, 5, 6, 3, 0).request(20.5, "pay", "unknown", service="desk")
    assert judge_backlog(run, adds=ADDS).result == "pass"


def test_an_answer_may_be_recorded_after_the_report_that_counts_it() -> None:
    run = draining(9, 5, 6, 3, 0).request(20.9, "pay", latency=0.5, service="desk",
                                       value={"path": "manual"})  # fmt: skip
    assert judge_backlog(run, adds=ADDS).result == "pass"


def test_answers_between_the_last_report_and_recovery_explain_growth() -> None:
    run = draining(9, 9, 11, 3, 0).requests(2, 20.01, 20.05, "pay", latency=0.01, service="desk",
                                         value={"path": "manual"})  # fmt: skip
    assert judge_backlog(run, adds=ADDS).result == "pass"


@pytest.mark.parametrize(("answered", "result"), [(19.1, "pass"), (18.9, "fail")])
def test_a_report_may_be_read_after_answers_that_it_does_not_count(
    answered: float, result: str
) -> None:
    """The first report, of 20, was true at some moment since the one before it, of 19."""
    run = draining(9, 9, 11, 3, 0)
    run.requests(
        2, answered, answered, "pay", latency=0.01, service="desk", value={"path": "manual"}
    )
    assert judge_backlog(run, adds=ADDS).result == result


def test_a_backlog_left_at_the_end_fails() -> None:
    verdict = judge_backlog(draining(9, 5, 2))
    assert verdict.result == "fail"
    assert verdict.reason == ("the backlog was not empty at the end of the run: desk 2 pending")


def test_drained_is_when_zero_lasts() -> None:
    run = draining(9, 0, 3, 0, mode="manual")
    assert judge_backlog(run).measured["drained_real_s"] == 1.9


def test_a_gauge_can_report_the_backlog() -> None:
    run = (
        RunBuilder().fault("cut", 10, 20).gauge(19, "desk", backlog=3).gauge(22, "desk", backlog=0)
    )
    assert judge_backlog(run, event="gauge", field="backlog").result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().fault("cut", 10, None),
            "the outage was not verified as healed, so recovery never began",
        ),
        (RunBuilder().fault("cut", 10, 20), "there was no backlog to drain after recovery"),
        (draining(0, 0), "there was no backlog to drain after recovery"),
        (
            RunBuilder().fault("cut", 10, 20).log(19, "desk", "journal", pending=3).end(25, False),
            "the run ended before the limit with records pending (desk 3)",
        ),
    ],
)
def test_a_backlog_that_was_not_observed_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = judge_backlog(run)
    assert (verdict.reason, verdict.result) == (reason, "inconclusive")


# ---- errors_subside -----------------------------------------------------------------------------


def load(*, late: int = 100, failed: int = 0) -> RunBuilder:
    run = (
        RunBuilder()
        .requests(100, 0, 9, "pay")
        .fault("cut", 10, 20)
        .requests(50, 10, 20, "pay", "fail")
    )
    run.requests(late - failed, 51, 60, "pay").requests(failed, 51, 60, "pay", "unknown")
    return run.request(60, "pay").end()


def judge_errors(run: RunBuilder, **params: object) -> Verdict:
    return run.judge("errors_subside", **{"window": "9m", **params})


def test_errors_that_end_with_the_outage_pass() -> None:
    verdict = judge_errors(load())
    assert verdict.result == "pass"
    assert verdict.reason == "0 % of 101 requests failed in the last 9 min of load"


def test_errors_that_persist_fail() -> None:
    verdict = judge_errors(load(failed=20))
    assert verdict.result == "fail"
    assert verdict.reason == (
        "19.8 % of requests still failed in the last 9 min of load, where 1 % are allowed"
    )


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_every_server_error_counts_against_the_users_success(status: int) -> None:
    """For a ledger most of them are `unknown`; for the user each is an error."""
    before, after = RunBuilder().requests(95, 0, 9, "pay"), load(failed=0)
    before.requests(5, 0, 9, "pay", classify(status)).fault("cut", 10, 20)
    after.requests(5, 51, 60, "pay", classify(status))
    assert before.judge("steady_state").result == "inconclusive"
    assert before.judge("steady_state").measured["errors"] == 5
    assert judge_errors(after).result == "fail"
    assert judge_errors(after).measured["errors"] == 5


def test_goodput_below_the_baseline_fails() -> None:
    verdict = judge_errors(load(failed=20), error_rate=0.5)
    assert verdict.result == "fail"
    assert verdict.reason == (
        "goodput at the end of load was 88.2 % of the baseline's, where at least 90 % are required"
    )
    assert judge_errors(load(failed=20), error_rate=0.5, goodput=0.5).result == "pass"


def test_less_load_is_expected_to_have_fewer_good_answers() -> None:
    assert judge_errors(load(late=40)).result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().fault("cut", 10, None),
            "the outage was not verified as healed, so recovery never began",
        ),
        (
            load().fault("again", 52, 53),
            "load did not last 9 min after recovery; make it longer",
        ),
        (load(late=10), "only 11 requests in the last 9 min of load, at least 30 needed"),
        (
            RunBuilder().fault("cut", 10, 20).requests(50, 51, 60, "pay").end(),
            "only 0 requests before the first fault, at least 30 needed",
        ),
    ],
)
def test_too_few_requests_to_compare_are_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = judge_errors(run)
    assert (verdict.reason, verdict.result) == (reason, "inconclusive")
