"""Checks that compare answers with final reads: honest_answers, exactly_once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks import Verdict
from tests.run_builder import RunBuilder

LEDGER = {"service": "ledger", "read": "orders"}


def judge_exactly_once(run: RunBuilder, **params: object) -> Verdict:
    return run.judge("exactly_once", ops="pay", ledger=LEDGER, **params)


# ---- exactly_once -------------------------------------------------------------------------------


def test_each_acknowledged_id_once_passes() -> None:
    run = (
        RunBuilder().request(1, "pay", id="a").request(2, "pay", id="b").ledger_rows("a", "b").end()
    )
    verdict = judge_exactly_once(run)
    assert verdict.result == "pass"
    assert verdict.reason == "of 2 acknowledged ids: 2 once in the ledger"
    assert verdict.measured["acknowledged"] == 2


def test_an_acknowledged_id_that_is_not_there_is_lost() -> None:
    run = RunBuilder().request(1, "pay", id="a").request(2, "pay", id="b").ledger_rows("a").end()
    verdict = judge_exactly_once(run)
    assert verdict.result == "fail"
    assert verdict.reason == "of 2 acknowledged ids: 1 lost (b)"
    assert [event.t for event in run.evidence(verdict)] == [2, 2.1]


def test_an_id_stored_twice_fails() -> None:
    run = RunBuilder().request(1, "pay", id="a").ledger_rows("a", "a").end()
    assert judge_exactly_once(run).reason == "of 1 acknowledged id: 1 twice (a)"


def test_a_row_that_was_not_requested_is_invented() -> None:
    run = RunBuilder().request(1, "pay", id="a").ledger_rows("a", "ghost").end()
    assert judge_exactly_once(run).reason == "of 1 acknowledged id: 1 invented (ghost)"


def test_a_refused_id_that_is_stored_fails() -> None:
    run = (
        RunBuilder()
        .request(1, "pay", id="a")
        .request(2, "pay", "fail", id="b")
        .ledger_rows("a", "b")
        .end()
    )
    assert judge_exactly_once(run).reason == "of 1 acknowledged id: 1 stored although refused (b)"


@pytest.mark.parametrize("rows", [("a",), ("a", "b")])
@pytest.mark.parametrize("outcome", ["unknown", None])
def test_an_unknown_id_may_be_stored_or_not(rows: tuple[str, ...], outcome: str | None) -> None:
    run = (
        RunBuilder()
        .request(1, "pay", id="a")
        .request(2, "pay", outcome, id="b")
        .ledger_rows(*rows)
        .end()
    )
    assert judge_exactly_once(run).result == "pass"


def test_an_unknown_id_stored_twice_fails() -> None:
    run = (
        RunBuilder()
        .request(1, "pay", id="a")
        .request(2, "pay", "unknown", id="b")
        .ledger_rows("a", "b", "b")
        .end()
    )
    assert judge_exactly_once(run).reason == "of 1 acknowledged id: 1 twice (b)"


@pytest.mark.parametrize("first", ["fail", "unknown", None])
def test_a_retried_and_acknowledged_id_is_expected_once(first: str | None) -> None:
    run = RunBuilder().request(1, "pay", first, id="a").request(2, "pay", id="a").end()
    assert judge_exactly_once(RunBuilder().add(*run.events).ledger_rows("a")).result == "pass"
    assert judge_exactly_once(RunBuilder().add(*run.events).ledger_rows()).reason.endswith(
        "1 lost (a)"
    )


def test_an_id_with_unknown_and_refused_outcomes_may_be_stored() -> None:
    run = (
        RunBuilder()
        .request(1, "pay", id="z")
        .request(1, "pay", "unknown", id="a")
        .request(2, "pay", "fail", id="a")
    )
    assert judge_exactly_once(run.ledger_rows("z", "a").end()).result == "pass"


def test_only_answers_that_match_when_acknowledge() -> None:
    run = RunBuilder().request(1, "pay", id="a", value={"decision": "held"})
    run.request(2, "pay", id="b", value={"decision": "admitted"}).end()
    when = {"decision": "admitted"}
    assert (
        judge_exactly_once(RunBuilder().add(*run.events).ledger_rows("b"), when=when).result
        == "pass"
    )
    assert (
        judge_exactly_once(RunBuilder().add(*run.events).ledger_rows("a", "b"), when=when).result
        == "fail"
    )


def test_the_id_may_be_in_the_answer_and_have_other_field_names() -> None:
    run = (
        RunBuilder()
        .request(1, "pay", value={"order": 7})
        .final_read("ledger", "orders", {"no": 7})
        .end()
    )
    ledger = {**LEDGER, "id": "no"}
    assert run.judge("exactly_once", ops="pay", id="order", ledger=ledger).result == "pass"


def test_an_id_that_was_set_aside_is_not_lost() -> None:
    run = RunBuilder().request(1, "pay", id="a").request(2, "pay", id="b").ledger_rows("a")
    run.final_read("desk", "quarantine", {"id": "b"}).end()
    verdict = judge_exactly_once(run, also_in={"service": "desk", "read": "quarantine"})
    assert verdict.result == "pass"
    assert verdict.reason == "of 2 acknowledged ids: 1 once in the ledger, 1 set aside"


def test_several_ledgers_contain_each_id_once_in_total() -> None:
    run = RunBuilder().request(1, "pay", id="a").request(2, "pay", id="b")
    run.final_read("one", "orders", {"id": "a"}).final_read("two", "orders", {"id": "b"}).end()
    both = [{"service": "one", "read": "orders"}, {"service": "two", "read": "orders"}]
    assert run.judge("exactly_once", ops="pay", ledger=both).result == "pass"
    run.final_read("two", "orders", {"id": "a"}, {"id": "b"}, at=91)
    assert run.judge("exactly_once", ops="pay", ledger=both).reason.endswith("1 twice (a)")


def test_rows_that_do_not_match_where_are_ignored() -> None:
    run = RunBuilder().request(1, "pay", id="a")
    run.final_read(
        "ledger", "orders", {"id": "a", "kind": "sale"}, {"id": "x", "kind": "seed"}
    ).end()
    ledger = {**LEDGER, "where": {"kind": "sale"}}
    assert run.judge("exactly_once", ops="pay", ledger=ledger).result == "pass"


def test_pages_are_put_together_and_a_second_read_replaces_the_first() -> None:
    run = RunBuilder().request(1, "pay", id="a").request(2, "pay", id="b")
    run.ledger_rows("a", at=90, complete=False).ledger_rows("b", at=91)
    assert judge_exactly_once(run).result == "pass"
    assert judge_exactly_once(run.ledger_rows("a", "b", at=92)).result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().request(1, "pay", id="a"),
            (
                "the final read 'orders' of ledger was never taken, "
                "so missing ids cannot be determined"
            ),
        ),
        (
            RunBuilder().request(1, "pay", id="a").ledger_rows("b", complete=False),
            "the final read 'orders' of ledger is incomplete, so missing ids cannot be determined",
        ),
        (
            RunBuilder().request(1, "pay", id="a").ledger_rows(complete=False, error="refused"),
            (
                "the final read 'orders' of ledger failed (refused), "
                "so missing ids cannot be determined"
            ),
        ),
        (
            RunBuilder().request(1, "pay", "fail", id="a").ledger_rows(),
            "only 0 ids acknowledged, at least 1 needed",
        ),
        (
            RunBuilder().request(1, "pay").ledger_rows(),
            "an acknowledged pay has no 'id' to look for",
        ),
        (
            RunBuilder().request(1, "pay", id="a").final_read("ledger", "orders", {"number": 1}),
            "1 row of ledger/orders without 'id'",
        ),
        (
            RunBuilder().request(1, "pay", id="a").ledger_rows().end(quiescent=False),
            "the system was not quiescent when it was read, so 1 missing (a) may yet arrive",
        ),
        (
            RunBuilder().request(1, "pay", id="a").ledger_rows(),
            "the run was cut short before its end, so 1 missing (a) may yet arrive",
        ),
    ],
)
def test_an_incomplete_comparison_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = judge_exactly_once(run)
    assert (verdict.result, verdict.reason) == ("inconclusive", reason)


def test_a_missing_id_is_lost_after_the_whole_settle_time_if_nobody_could_be_asked() -> None:
    run = RunBuilder().request(1, "pay", id="a").ledger_rows()
    verdict = judge_exactly_once(run.end(quiescent=False, asked=False))
    assert (verdict.result, verdict.reason) == ("fail", "of 1 acknowledged id: 1 lost (a)")


def test_a_duplicate_fails_even_if_the_system_was_not_quiescent() -> None:
    run = RunBuilder().request(1, "pay", id="a").ledger_rows("a", "a").end(quiescent=False)
    assert judge_exactly_once(run).result == "fail"


NAMES = st.sampled_from("abcd")
ASKED = st.lists(st.tuples(NAMES, st.sampled_from(["ok", "fail", "unknown", None])), max_size=8)


@given(asked=ASKED, rows=st.lists(NAMES, max_size=6), aside=st.lists(NAMES, max_size=2))
def test_the_verdict_agrees_with_a_naive_count(
    asked: list[tuple[str, str | None]], rows: list[str], aside: list[str]
) -> None:
    run = (
        RunBuilder()
        .ledger_rows(*rows)
        .final_read("desk", "aside", *({"id": name} for name in aside))
        .end()
    )
    for name, outcome in asked:
        run.request(1, "pay", outcome, id=name)
    wrong, acked = False, 0
    for name in "abcd":
        outcomes = {outcome for asked_for, outcome in asked if asked_for == name}
        there = rows.count(name)
        if "ok" in outcomes:
            acked += 1
            wrong |= there > 1 or (there == 0 and name not in aside)
        elif outcomes & {"unknown", None}:
            wrong |= there > 1
        else:
            wrong |= there > 0
    verdict = judge_exactly_once(run, also_in={"service": "desk", "read": "aside"})
    assert verdict.result == ("fail" if wrong else "pass" if acked else "inconclusive")


# ---- honest_answers -----------------------------------------------------------------------------

CENTRAL = {"source": "central"}


def honest(run: RunBuilder, **params: object) -> Verdict:
    given = {"op": "pay", "claim": CENTRAL, "ledger": LEDGER, "channels": "live", **params}
    return run.judge("honest_answers", **given)


def live(*ids: str, channel: str = "live", run: RunBuilder | None = None) -> RunBuilder:
    items = ({"id": name, "channel": channel} for name in ids)
    return (run or RunBuilder()).final_read("ledger", "orders", *items)


def test_claims_that_the_ledger_backs_pass() -> None:
    run = (
        live("a")
        .request(1, "pay", id="a", value=CENTRAL)
        .request(2, "pay", id="b", value={"source": "x"})
    )
    verdict = honest(run)
    assert verdict.result == "pass"
    assert (
        verdict.reason
        == "each of 1 answer that claimed source central has a matching row in ledger's orders"
    )


@pytest.mark.parametrize("run", [live(), live("a", channel="late")])
def test_a_claim_without_a_live_row_fails(run: RunBuilder) -> None:
    verdict = honest(run.request(1, "pay", id="a", value=CENTRAL))
    assert verdict.result == "fail"
    assert verdict.reason == (
        "1 of 1 answer that claimed source central without a matching row in ledger's orders (a)"
    )


@pytest.mark.parametrize(
    ("at", "latency", "result"),
    [
        (9.0, 0.5, "pass"),
        (12.0, 0.5, "pass"),
        (12.1, 0.5, "fail"),
        (35.0, 4.9, "fail"),
        (35.0, 5.0, "pass"),
        (41.0, 0.5, "pass"),
    ],
)
def test_claims_between_grace_and_heal_fail(at: float, latency: float, result: str) -> None:
    run = live("a").fault("cut", 10, 40).request(at, "pay", id="a", latency=latency, value=CENTRAL)
    assert honest(run, step="cut", grace="2m").result == result


def test_a_claim_during_the_outage_is_reported_with_its_id() -> None:
    run = live("a").fault("cut", 10, 40).request(20, "pay", id="a", value=CENTRAL)
    verdict = honest(run)
    assert verdict.reason == "1 answer claimed source central while the center was cut off (a)"
    assert [event.t for event in run.evidence(verdict)] == [20, 20.1]


def test_claims_between_injections_of_a_flapping_fault_pass() -> None:
    run = live("a").fault("cut", 10, 20, injection="1").fault("cut", 30, 40, injection="2")
    assert honest(run.request(25, "pay", id="a", value=CENTRAL)).result == "pass"


def test_claims_during_an_unverified_fault_do_not_fail() -> None:
    run = live("a").fault("cut", 10, 40, verified=False).request(20, "pay", id="a", value=CENTRAL)
    assert honest(run).result == "pass"
    assert honest(run, step="cut").result == "inconclusive"


def test_only_the_named_services_are_judged() -> None:
    run = live("a").fault("cut", 10, 40).request(20, "pay", id="a", service="far", value=CENTRAL)
    assert honest(run).result == "fail"
    assert honest(run, services="shop").result == "inconclusive"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (live(), "no answer claimed source central, so there was nothing to check"),
        (
            RunBuilder().request(1, "pay", id="a", value=CENTRAL),
            "the final read 'orders' of ledger was never taken, so no claim can be checked",
        ),
    ],
)
def test_claims_that_cannot_be_checked_are_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = honest(run)
    assert (verdict.result, verdict.reason) == ("inconclusive", reason)
