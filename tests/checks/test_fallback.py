"""Checks of modes: fallback, leaves_fallback, stays_automatic."""

import pytest

from tests.run_builder import RunBuilder

SERVING = {"ops": "pay", "when": {"path": "manual"}, "min_ok": 3}


def outage() -> RunBuilder:
    """Down from 10 to 40 (30 scenario minutes), the desk manual after one second."""
    return (
        RunBuilder()
        .fault("cut", 10, 40)
        .mode(11, "desk", "manual")
        .mode(50, "desk", "automatic")
        .end()
    )


def test_a_service_that_falls_back_in_time_passes() -> None:
    run = outage()
    verdict = run.judge("fallback", services="desk", within="2m")
    assert verdict.result == "pass"
    assert verdict.reason == "1 service manual within 1 min of cut"
    assert verdict.measured == {"slowest_life_s": 60.0, "slowest_real_s": 1.0}


@pytest.mark.parametrize(("within", "result"), [("1m", "pass"), ("59s", "fail")])
def test_falling_back_exactly_at_the_limit_passes(within: str, result: str) -> None:
    assert outage().judge("fallback", services="desk", within=within).result == result


def test_falling_back_before_the_fault_was_verified_passes() -> None:
    run = RunBuilder().fault("cut", 10, 40).mode(9.95, "desk", "manual")
    assert run.judge("fallback", services="desk", within=0).result == "pass"


def test_falling_back_late_fails_with_delay_and_limit_in_the_reason() -> None:
    verdict = outage().judge("fallback", services="desk", within="30s")
    assert verdict.result == "fail"
    assert verdict.reason == "desk went manual only after 1 min, where 30 s are allowed after cut"


def test_never_falling_back_fails() -> None:
    run = RunBuilder().mode(0, "desk", "automatic").fault("cut", 10, 40).end()
    verdict = run.judge("fallback", services="desk", within="30s")
    assert verdict.reason == "desk never went manual, where 30 s are allowed after cut"
    assert verdict.result == "fail"


def test_going_back_while_the_fault_lasts_fails() -> None:
    run = outage().mode(20, "desk", "automatic").mode(21, "desk", "manual")
    verdict = run.judge("fallback", services="desk", within="2m")
    assert verdict.result == "fail"
    assert verdict.reason == ("desk went back to automatic 10 min into cut, before the heal")
    assert run.evidence(verdict)[0].t == 20


def flapping() -> RunBuilder:
    """Down from 10 to 20 and from 30 to 40; the desk is back in between."""
    return (
        RunBuilder()
        .fault("cut", 10, 20, injection="cut-1")
        .fault("cut", 30, 40, injection="cut-2")
        .mode(11, "desk", "manual")
        .mode(21, "desk", "automatic")
    )


@pytest.mark.parametrize(("again", "result"), [(33, "pass"), (33.1, "fail")])
def test_automatic_between_injections_of_a_flapping_fault_passes(again: float, result: str) -> None:
    run = flapping().mode(again, "desk", "manual")
    assert run.judge("fallback", services="desk", within="3m").result == result


def test_staying_automatic_in_the_next_injection_of_a_flapping_fault_fails() -> None:
    verdict = flapping().end().judge("fallback", services="desk", within="3m")
    assert verdict.result == "fail"
    assert verdict.reason == ("desk was automatic for more than 3 min after cut was injected again")


def test_going_back_during_an_injection_of_a_flapping_fault_fails() -> None:
    run = flapping().mode(31, "desk", "manual").mode(35, "desk", "automatic")
    verdict = run.judge("fallback", services="desk", within="3m")
    assert verdict.reason == ("desk went back to automatic 25 min into cut, before the heal")


@pytest.mark.parametrize(("again", "result"), [(23, "pass"), (23.1, "fail"), (38, "fail")])
def test_a_process_started_during_the_fault_has_the_limit_to_fall_back(
    again: float, result: str
) -> None:
    run = outage().node(15, "desk", "exited").node(20, "desk", "started")
    run.mode(20.1, "desk", "automatic").mode(again, "desk", "manual")
    verdict = run.judge("fallback", services="desk", within="3m")
    assert verdict.result == result
    if result == "fail":
        assert verdict.reason == ("desk was automatic for more than 3 min after its restart")
        assert run.evidence(verdict)[0].t == 20


def test_a_process_started_shortly_before_the_heal_need_not_fall_back() -> None:
    run = outage().node(36, "desk", "exited").node(38, "desk", "started")
    assert run.judge("fallback", services="desk", within="3m").result == "pass"


def test_mixed_mode_counts_as_fallback() -> None:
    assert outage().mode(20, "desk", "mixed").judge(
        "fallback", services="desk", within="2m"
    ).result == "pass"  # fmt: skip


def test_the_expected_mode_is_a_parameter() -> None:
    run = RunBuilder().fault("cut", 10, 40).mode(11, "gate", "closed")
    assert run.judge("fallback", services="gate", within="2m", mode="closed").result == "pass"


def test_serving_is_counted_from_verification_to_heal() -> None:
    run = outage().requests(3, 12, 30, "pay", value={"path": "manual"})
    run.requests(5, 60, 80, "pay", value={"path": "manual"})
    verdict = run.judge("fallback", services="desk", within="2m", serving=SERVING)
    assert verdict.result == "pass"
    assert (
        verdict.reason == "1 service manual within 1 min of cut; 3 requests served during the fault"
    )


def test_a_fallback_that_serves_nobody_fails() -> None:
    run = outage().requests(2, 12, 30, "pay", value={"path": "manual"})
    run.requests(4, 12, 30, "pay", value={"path": "central"})
    verdict = run.judge("fallback", services="desk", within="2m", serving=SERVING)
    assert verdict.result == "fail"
    assert verdict.reason == (
        "only 2 of 6 requests were served during cut, where at least 3 are required"
    )


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (RunBuilder().end(), "the fault 'cut' was never injected, so there is no outage to judge"),
        (
            RunBuilder().fault("cut", 10, 40, verified=False).mode(11, "desk", "manual"),
            "the fault 'cut' was not verified, so the system was not tested",
        ),
        (RunBuilder().fault("cut", 10, 40), "no event of the history mentions desk"),
        (
            RunBuilder().fault("cut", 10, 11).mode(0, "desk", "automatic"),
            "cut was shorter than the 2 min allowed to desk",
        ),
        (
            outage().request(12, "pay", value={"path": "manual"}),
            "only 1 request during cut, at least 3 needed",
        ),
    ],
)
def test_a_fallback_that_was_not_tested_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("fallback", services="desk", within="2m", step="cut", serving=SERVING)
    assert (verdict.result, verdict.reason) == ("inconclusive", reason)


def test_each_step_is_judged_as_a_separate_outage() -> None:
    run = outage().fault("again", 60, 80).mode(65, "desk", "manual")
    verdict = run.judge("fallback", services="desk", within="2m")
    assert (
        verdict.reason == "desk went manual only after 5 min, where 2 min are allowed after again"
    )
    assert run.judge("fallback", services="desk", within="5m").measured["slowest_real_s"] == 5.0


# ---- leaves_fallback ----------------------------------------------------------------------------


def test_leaving_in_time_passes_and_measures_the_slowest_service() -> None:
    run = outage().mode(11, "office", "manual").mode(45, "office", "automatic")
    verdict = run.judge("leaves_fallback", services=["desk", "office"], within="10m")
    assert verdict.result == "pass"
    assert verdict.reason == "2 services were automatic again within 9 min 54 s of recovery"
    assert verdict.measured["slowest_real_s"] == 9.9


@pytest.mark.parametrize(("within", "result"), [("594s", "pass"), ("593s", "fail")])
def test_leaving_exactly_at_the_limit_passes(within: str, result: str) -> None:
    assert outage().judge("leaves_fallback", services="desk", within=within).result == result


def test_a_relapse_before_the_limit_passes() -> None:
    run = outage().mode(51, "desk", "mixed").mode(52, "desk", "automatic")
    assert run.judge("leaves_fallback", services="desk", within="15m").result == "pass"
    assert run.judge("leaves_fallback", services="desk", within="10m").result == "fail"


def stuck(reason: str = "") -> RunBuilder:
    return RunBuilder().fault("cut", 10, 40).mode(11, "desk", "manual", reason).end()


def test_a_stuck_breaker_fails() -> None:
    verdict = stuck().judge("leaves_fallback", services="desk", within="10m")
    assert verdict.result == "fail"
    assert verdict.reason == (
        "desk was still manual 59 min 54 s after recovery, where 10 min are allowed; "
        "logged reason: none"
    )


def test_a_logged_reason_is_quoted_but_still_fails() -> None:
    verdict = stuck("breaker open").judge("leaves_fallback", services="desk", within="10m")
    assert verdict.result == "fail"
    assert verdict.reason.endswith("logged reason: breaker open")


def test_a_quiescent_end_in_fallback_fails_even_before_the_limit() -> None:
    assert stuck().judge("leaves_fallback", services="desk", within="3h").result == "fail"


def test_the_mode_of_a_killed_process_does_not_carry_over_to_its_successor() -> None:
    def killed(at: float, *more: float) -> RunBuilder:
        run = (
            RunBuilder().fault("cut", 10, 40).mode(11, "desk", "manual").node(at, "desk", "exited")
        )
        for t in more:
            run.mode(t, "desk", "manual")
        return run.node(at + 1, "desk", "started").end()

    assert killed(30).judge("leaves_fallback", services="desk", within="1m").result == "pass"
    assert killed(60).judge("leaves_fallback", services="desk", within="1m").result == "fail"
    assert killed(30, 35).judge("leaves_fallback", services="desk", within="1m").result == "fail"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().end(),
            "no fault was injected in this run, so there is no outage to judge",
        ),
        (
            RunBuilder().fault("cut", 10, None),
            "the outage was not verified as healed, so recovery never began",
        ),
        (RunBuilder().fault("cut", 10, 40), "no event of the history mentions desk"),
        (
            RunBuilder().fault("cut", 10, 40).mode(0, "desk", "automatic"),
            "no service was in fallback, so none had to leave it",
        ),
        (
            RunBuilder().fault("cut", 10, 40).mode(11, "desk", "manual").end(45, quiescent=False),
            (
                "desk was still manual when the run ended 4 min 54 s after recovery, "
                "before the limit of 10 min"
            ),
        ),
    ],
)
def test_a_recovery_that_was_not_observed_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("leaves_fallback", services="desk", within="10m")
    assert (verdict.result, verdict.reason) == ("inconclusive", reason)


# ---- stays_automatic ----------------------------------------------------------------------------


def test_services_outside_the_fault_that_stay_automatic_pass() -> None:
    verdict = outage().mode(0, "far", "automatic").judge("stays_automatic", services="far")
    assert verdict.result == "pass"
    assert verdict.reason == "1 service outside the fault never left automatic"


def test_a_fallback_that_spreads_fails() -> None:
    run = outage().mode(20, "far", "manual", "breaker open").mode(30, "far", "automatic")
    verdict = run.judge("stays_automatic", services="far")
    assert verdict.result == "fail"
    assert verdict.reason == (
        "far went manual 10 min into cut, which must not affect it: breaker open"
    )
    assert [event.t for event in run.evidence(verdict)] == [20]


def test_modes_before_the_fault_do_not_count() -> None:
    run = outage().mode(2, "far", "manual").mode(3, "far", "automatic")
    assert run.judge("stays_automatic", services="far").result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().end(),
            "no fault was injected in this run, so there is no outage to judge",
        ),
        (outage(), "no event of the history mentions far"),
    ],
)
def test_a_blast_radius_that_was_not_observed_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("stays_automatic", services="far")
    assert (verdict.result, verdict.reason) == ("inconclusive", reason)


# ---- services that say nothing ------------------------------------------------------------------


@pytest.mark.parametrize("check", ["fallback", "leaves_fallback", "stays_automatic"])
def test_a_service_that_never_logged_a_mode_is_inconclusive_and_the_line_is_named(
    check: str,
) -> None:
    run = outage().request(15, "pay", service="silent")
    given = {} if check == "stays_automatic" else {"within": "10m"}
    verdict = run.judge(check, services=["desk", "silent"], **given)
    assert verdict.result == "inconclusive"
    assert verdict.reason == (
        "silent never logged a mode; at its start and at each change a service must log a line "
        'such as {"event": "mode", "mode": "automatic"} (docs/events.md)'
    )
