"""Binding expectations, judging them, and verdicts on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checks import (
    CHECKS,
    Check,
    Result,
    Verdict,
    bind,
    judge_all,
    read_verdicts,
    worst,
    write_verdicts,
)
from harness.errors import HarnessError, UsageError
from harness.history import History
from harness.scenario import Expectation
from tests.run_builder import RunBuilder


def expecting(*short: object) -> list[Expectation]:
    return [Expectation.model_validate(value) for value in short]


@pytest.fixture
def breaking() -> Iterator[type[Check]]:
    class Breaking(Check, name="breaking"):
        def judge(self, history: History) -> Verdict:
            raise ZeroDivisionError("one by\nnone")

    yield Breaking
    del CHECKS["breaking"]


def test_verdicts_come_in_the_order_of_the_expectations_and_under_their_names() -> None:
    expectations = expecting(
        "quiesced", {"check": "quiesced", "name": "again"}, {"nothing_crashed": None}
    )
    verdicts = judge_all(RunBuilder().end().history(), expectations)
    assert [(v.check, v.name, v.result) for v in verdicts] == [
        ("quiesced", "quiesced", "pass"),
        ("quiesced", "again", "pass"),
        ("nothing_crashed", "nothing_crashed", "inconclusive"),
    ]


def test_a_check_that_raises_is_inconclusive_and_does_not_hide_the_others(
    breaking: type[Check],
) -> None:
    verdicts = judge_all(RunBuilder().end().history(), expecting("breaking", "quiesced"))
    assert verdicts[0] == Verdict(
        check="breaking",
        name="breaking",
        result="inconclusive",
        reason="the check itself failed (ZeroDivisionError: one by none)",
    )
    assert verdicts[1].result == "pass"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(0), "SystemExit: 0"),
        (pytest.fail.Exception("too slow"), "Failed: too slow"),
    ],
)
def test_a_check_cannot_end_the_run(
    breaking: type[Check], monkeypatch: pytest.MonkeyPatch, error: BaseException, reason: str
) -> None:
    def judge(check: Check, history: History) -> Verdict:
        raise error

    monkeypatch.setattr(breaking, "judge", judge)
    verdicts = judge_all(RunBuilder().end().history(), expecting("breaking", "quiesced"))
    assert [(v.name, v.result) for v in verdicts] == [
        ("breaking", "inconclusive"),
        ("quiesced", "pass"),
    ]
    assert verdicts[0].reason == f"the check itself failed ({reason})"


def test_ctrl_c_while_a_check_judges_is_not_caught(
    breaking: type[Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(check: Check, history: History) -> Verdict:
        raise KeyboardInterrupt

    monkeypatch.setattr(breaking, "judge", judge)
    with pytest.raises(KeyboardInterrupt):
        judge_all(RunBuilder().end().history(), expecting("breaking"))


@pytest.mark.parametrize(
    ("returned", "what"),
    [
        (None, "returned None, not a Verdict"),
        (True, "returned True, not a Verdict"),
        (Verdict(check="x", name="x", result="ok", reason=""), "returned the result 'ok'"),  # type: ignore[arg-type]
    ],
)
def test_a_check_that_returns_no_valid_verdict_is_inconclusive(
    breaking: type[Check], monkeypatch: pytest.MonkeyPatch, returned: object, what: str
) -> None:
    monkeypatch.setattr(breaking, "judge", lambda check, history: returned)
    verdicts = judge_all(RunBuilder().end().history(), expecting("breaking", "quiesced"))
    assert (verdicts[0].name, verdicts[0].result) == ("breaking", "inconclusive")
    assert f"breaking.judge {what}; return self.passed(...)" in verdicts[0].reason
    assert verdicts[1].result == "pass"


def test_an_unknown_check_is_inconclusive_when_judged_again() -> None:
    [verdict] = judge_all(RunBuilder().history(), expecting({"check": "no_strom", "name": "calm"}))
    assert (verdict.check, verdict.name, verdict.result) == ("no_strom", "calm", "inconclusive")
    assert "did you mean no_storm?" in verdict.reason


def test_a_history_without_a_started_event_is_inconclusive() -> None:
    [verdict] = judge_all(History([]), expecting("quiesced"))
    assert verdict.result == "inconclusive"
    assert (
        verdict.reason == "the history has no `started` event, so its pace and backend are unknown"
    )


@pytest.mark.parametrize(
    ("written", "problems"),
    [
        (
            "no_strom",
            ["expect.no_strom: no check is called 'no_strom'; did you mean no_storm?"],
        ),
        (
            {"fallback": {"services": [], "withn": 3}},
            [
                "expect.fallback.services: is empty; name at least one",
                (
                    "expect.fallback.within: is missing; add it "
                    "(Most time from the fault's verification.)"
                ),
                "expect.fallback.withn: fallback has no such parameter; did you mean within?",
            ],
        ),
        (
            {"quiesced": {"soon": True}},
            ["expect.quiesced.soon: quiesced has no such parameter; it takes none"],
        ),
        (
            {"notices": {"first": "6x", "every": 1, "after": 2}},
            ["expect.notices.first: '6x' is not a duration; write one as 18s, 250ms, 1h30m or 3d"],
        ),
        (
            {"exactly_once": {"ops": "pay", "ledger": {"service": "bank"}}},
            [
                (
                    "expect.exactly_once.ledger.0.read: is missing; add it "
                    "(Final reads: {service, read, id}.)"
                )
            ],
        ),
        (
            {"steady_state": {"error_rate": 2}},
            ["expect.steady_state.error_rate: Input should be less than or equal to 1; it is 2"],
        ),
    ],
)
def test_invalid_parameters_are_reported_one_per_line(written: object, problems: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        bind(Expectation.model_validate(written))
    assert list(caught.value.problems) == problems


def test_an_unknown_check_without_a_similar_name_lists_all_checks() -> None:
    with pytest.raises(UsageError) as caught:
        bind(Expectation.model_validate({"check": "zzz", "name": "x"}))
    assert list(caught.value.problems) == [
        f"expect.x: no check is called 'zzz'; there are {', '.join(sorted(CHECKS))}"
    ]


def test_a_single_name_is_accepted_for_a_list() -> None:
    check = bind(Expectation(check="fallback", params={"services": "counter", "within": "2m"}))
    assert check.model_dump()["services"] == ("counter",)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (["pass", "inconclusive", "fail"], "fail"),
        (["pass", "inconclusive"], "inconclusive"),
        (["pass", "pass"], "pass"),
        ([], "inconclusive"),
    ],
)
def test_worst_returns_the_worst_result(results: list[Result], expected: Result) -> None:
    assert worst(Verdict(check="c", name="c", result=r, reason="") for r in results) == expected


def test_verdicts_round_trip_through_the_file(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    verdicts = [
        Verdict(
            check="c", name="n", result="fail", reason="two", evidence=(3, 1), measured={"lost": 2}
        )
    ]
    write_verdicts(path, verdicts)
    assert read_verdicts(path) == verdicts
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_without_verdicts_is_an_error_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    with pytest.raises(HarnessError, match=r"verdicts\.json: cannot be read"):
        read_verdicts(path)
    path.write_text('[{"check": 1}]')
    with pytest.raises(HarnessError, match=r"verdicts\.json: contains no verdicts"):
        read_verdicts(path)


def test_a_second_check_of_the_same_name_is_an_error() -> None:
    both = (
        r"Mine: the check name 'quiesced' is already used by harness\.checks\.quiesced\.Quiesced;"
    )
    with pytest.raises(TypeError, match=both):

        class Mine(Check, name="quiesced"):
            pass

    assert CHECKS["quiesced"].__qualname__ == "Quiesced"


def test_a_check_may_be_redefined_by_reloading_its_module() -> None:
    def define() -> type[Check]:
        class Reloaded(Check, name="reloaded"):
            pass

        return Reloaded

    define()
    try:
        assert define() is CHECKS["reloaded"]
    finally:
        del CHECKS["reloaded"]
