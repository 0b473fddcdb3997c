"""The checks of the immigration system: watchlist, autogates, bags."""

from typing import Any

import pytest

import experiments.checks  # noqa: F401 - imported for the checks that it registers
from harness.checks import Verdict
from tests.run_builder import RunBuilder

SPECIMEN = [  # ICAO Doc 9303 part 4, appendix A
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
]

# ---- nobody_barred_admitted ---------------------------------------------------------------------


def manual(version: int | None = 7, age: float = 3600.0) -> dict[str, Any]:
    value: dict[str, Any] = {"decision": "admitted", "path": "manual", "snapshot_age": age}
    return value if version is None else {**value, "snapshot_version": version}


def border(*crossings: dict[str, object], aside: tuple[str, ...] = ()) -> RunBuilder:
    """The final reads; X5 and X9 are entries 5 and 9 of the watchlist."""
    run = RunBuilder().final_read("border", "crossings", *crossings)
    run.final_read("watchlist", "watchlist", *({"document": f"X{n}", "number": n} for n in (5, 9)))
    return run.final_read("counter-cgk", "quarantine", *({"id": name} for name in aside))


def crossing(
    name: str, document: str, channel: str = "late", hit: bool = False
) -> dict[str, object]:
    return {"id": name, "document": document, "channel": channel, "late_hit": hit}


def traveller(run: RunBuilder, name: str = "c1", **value: object) -> RunBuilder:
    return run.request(1, "counter", service="counter-cgk", crossing=name, value=value or manual())


def judge_watchlist(run: RunBuilder, **params: object) -> Verdict:
    return run.judge("nobody_barred_admitted", **params)


def test_travellers_who_are_not_on_the_watchlist_pass() -> None:
    verdict = judge_watchlist(traveller(border(crossing("c1", "A1"))))
    assert verdict.result == "pass"
    assert verdict.reason == (
        "none of 1 traveller admitted was on the watchlist that the counter or autogate had; "
        "0 later hits reported"
    )
    assert verdict.measured["oldest_snapshot_life_s"] == 3600.0


@pytest.mark.parametrize(("version", "result"), [(5, "fail"), (4, "pass")])
def test_a_counter_is_judged_by_the_snapshot_that_it_held(version: int, result: str) -> None:
    run = border(crossing("c1", "X5", hit=True), aside=("c1",))
    verdict = judge_watchlist(traveller(run, **manual(version)))
    assert verdict.result == result
    if result == "fail":
        assert verdict.reason == "1 traveller on the watchlist admitted by hand (c1)"
        assert [event.t for event in run.evidence(verdict)] == [1, 1.1]


def test_a_lost_crossing_is_identified_by_its_machine_readable_zone() -> None:
    run = border().final_read(
        "watchlist", "watchlist", {"document": "L898902C3", "number": 5}, at=95
    )
    run.request(1, "counter", service="counter-cgk", crossing="c1", mrz=SPECIMEN, value=manual())
    assert judge_watchlist(run).reason == "1 traveller on the watchlist admitted by hand (c1)"


def test_an_autogate_that_asked_the_data_center_may_not_admit_a_listed_traveller() -> None:
    run = border(crossing("c1", "X5", "autogate", hit=True))
    verdict = judge_watchlist(traveller(run, decision="admitted", path="autogate"))
    assert verdict.reason == "1 traveller on the watchlist admitted online (c1)"


def test_a_late_hit_in_quarantine_passes() -> None:
    run = traveller(border(crossing("c1", "X9", hit=True), aside=("c1",)))
    verdict = judge_watchlist(run)
    assert verdict.result == "pass"
    assert verdict.reason.endswith("1 later hit reported")


def test_a_late_hit_outside_quarantine_fails() -> None:
    verdict = judge_watchlist(traveller(border(crossing("c1", "X9", hit=True))))
    assert verdict.reason == "1 traveller with a later hit that no counter put in quarantine (c1)"
    assert verdict.result == "fail"


@pytest.mark.parametrize(("age", "result"), [(345600.0, "pass"), (345601.0, "fail")])
def test_a_snapshot_exactly_at_its_age_limit_passes(age: float, result: str) -> None:
    verdict = judge_watchlist(traveller(border(crossing("c1", "A1")), **manual(7, age)))
    assert verdict.result == result
    if result == "fail":
        assert verdict.reason == "1 traveller admitted by a snapshot older than 4 d (c1)"


def test_admitting_without_a_snapshot_fails() -> None:
    verdict = judge_watchlist(traveller(border(crossing("c1", "A1")), **manual(None)))
    assert verdict.reason == (
        "1 traveller admitted by hand without a snapshot of the watchlist (c1)"
    )


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            traveller(RunBuilder()),
            (
                "the final read 'watchlist' of watchlist was never taken, "
                "so travellers cannot be compared with the watchlist"
            ),
        ),
        (
            traveller(border().final_read("watchlist", "watchlist", at=95)),
            "the watchlist is empty, so nobody could be held",
        ),
        (traveller(border(), decision="held"), "only 0 travellers admitted, at least 1 needed"),
    ],
)
def test_missing_reads_and_too_few_admissions_are_inconclusive(
    run: RunBuilder, reason: str
) -> None:
    verdict = judge_watchlist(run)
    assert (verdict.reason, verdict.result) == (reason, "inconclusive")


# ---- gates_fail_closed --------------------------------------------------------------------------

ADMITTED: dict[str, Any] = {"decision": "admitted", "path": "autogate"}


def gate(
    run: RunBuilder,
    at: float,
    name: str = "c1",
    outcome: str = "fail",
    latency: float = 0.1,
    **value: object,
) -> RunBuilder:
    return run.request(
        at, "autogate", outcome, service="autogate-cgk", latency=latency, crossing=name, value=value
    )


def desk(run: RunBuilder, at: float, name: str = "c1", outcome: str = "ok") -> RunBuilder:
    return run.request(at, "counter", outcome, service="counter-cgk", crossing=name)


def judge_gates(run: RunBuilder, **params: object) -> Verdict:
    return run.judge("gates_fail_closed", within="2m", **params)


def cut() -> RunBuilder:
    return RunBuilder().fault("cut", 10, 40).end()


def test_autogates_that_close_and_counters_that_serve_pass() -> None:
    verdict = judge_gates(desk(gate(cut(), 15), 16))
    assert verdict.result == "pass"
    assert verdict.reason == (
        "no autogate opened; all of 1 traveller turned away were served at a counter"
    )


@pytest.mark.parametrize(
    ("at", "latency", "opened"),
    [(5, 1, 0), (12, 1, 0), (12.1, 1, 1), (39, 0.9, 1), (39, 1.1, 0), (41, 1, 0)],
)
def test_autogates_may_not_admit_between_the_limit_and_the_heal(
    at: float, latency: float, opened: int
) -> None:
    verdict = judge_gates(gate(desk(gate(cut(), 15), 16), at, "c2", "ok", latency, **ADMITTED))
    assert verdict.measured["opened"] == opened
    assert verdict.result == ("fail" if opened else "pass")


def test_an_open_autogate_is_reported_with_its_crossing() -> None:
    run = gate(cut(), 20, "c2", "ok", **ADMITTED)
    verdict = judge_gates(run)
    assert verdict.reason == (
        "1 traveller admitted by an autogate more than 2 min after it was cut off (c2)"
    )
    assert [event.t for event in run.evidence(verdict)] == [20, 20.1]


def test_a_diverted_traveller_who_is_never_served_fails() -> None:
    verdict = judge_gates(desk(gate(cut(), 15), 16, outcome="fail"))
    assert verdict.result == "fail"
    assert (
        verdict.reason
        == "1 traveller turned away by an autogate and never served at a counter (c1)"
    )


def test_only_the_named_autogates_are_judged() -> None:
    run = desk(gate(cut(), 15), 16)
    run.request(20, "autogate", service="autogate-dps", crossing="c2", value=ADMITTED)
    assert judge_gates(run).result == "fail"
    assert judge_gates(run, gates="autogate-cgk").result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().end(),
            "no fault was injected in this run, so there is no outage to judge",
        ),
        (cut(), "only 0 travellers turned away by an autogate in the cut, at least 1 needed"),
        (
            gate(cut(), 15),
            "1 traveller turned away by an autogate without a completed counter visit",
        ),
    ],
)
def test_cuts_without_diverted_travellers_are_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = judge_gates(run)
    assert (verdict.reason, verdict.result) == (reason, "inconclusive")


# ---- bags_match ---------------------------------------------------------------------------------


def belt(*held: tuple[str, str | None], brought: tuple[str, ...] = ("t1", "t2")) -> RunBuilder:
    run = RunBuilder().request(1, "flight", service="baggage-cgk", tags=list(brought))
    items = ({"tag": tag, "passenger": who} for tag, who in held)
    return run.final_read("baggage-cgk", "bags", *items)


def claim(run: RunBuilder, tag: str, who: str, outcome: str = "ok") -> RunBuilder:
    return run.request(
        5, "claim", outcome, service="baggage-cgk", passenger=who,
        value={"tag": tag, "passenger": who},
    )  # fmt: skip


def test_bags_with_their_passengers_pass() -> None:
    run = claim(claim(belt(("t1", "c1"), ("t2", "c2")), "t1", "c1"), "t2", "c2")
    verdict = run.judge("bags_match")
    assert verdict.result == "pass"
    assert verdict.reason == (
        "all of 2 bags claimed are with the right passenger, none of 2 bags is missing"
    )


def test_an_unclaimed_bag_is_left_and_not_lost() -> None:
    verdict = claim(belt(("t1", "c1"), ("t2", None)), "t1", "c1").judge("bags_match")
    assert verdict.result == "pass"
    assert verdict.measured["left"] == 1


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (claim(belt(("t1", "c1")), "t1", "c1"), "of 1 bag: 1 lost (t2)"),
        (
            claim(belt(("t1", "c1"), ("t1", "c1"), ("t2", None)), "t1", "c1"),
            "of 2 bags: 1 there twice (t1)",
        ),
        (
            claim(belt(("t1", "c1"), ("t2", None), ("t3", None)), "t1", "c1"),
            "of 3 bags: 1 out of nowhere (t3)",
        ),
        (
            claim(belt(("t1", "c2"), ("t2", None)), "t1", "c1"),
            "of 2 bags: 1 with the wrong passenger (t1)",
        ),
        (
            claim(claim(belt(("t1", "c2"), ("t2", None)), "t1", "c1"), "t1", "c2"),
            "of 2 bags: 1 with the wrong passenger (t1), 1 handed to two passengers (t1)",
        ),
        (
            claim(belt(("t1", "c1"), ("t2", "c1")), "t1", "c1"),
            "of 2 bags: 1 passenger with more than 1",
        ),
    ],
)
def test_bags_that_do_not_match_fail(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("bags_match")
    assert (verdict.reason, verdict.result) == (reason, "fail")


def test_the_same_passenger_may_claim_twice() -> None:
    run = claim(claim(belt(("t1", "c1"), ("t2", None)), "t1", "c1"), "t1", "c1")
    assert run.judge("bags_match").result == "pass"


def test_a_delivery_with_unknown_outcome_may_have_delivered_its_bags() -> None:
    run = claim(belt(("t1", "c1"), ("t2", None), ("t3", None)), "t1", "c1")
    run.request(2, "flight", "unknown", service="baggage-cgk", tags=["t3", "t4"])
    assert run.judge("bags_match").result == "pass"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (RunBuilder().end(), "no baggage service appears in the history"),
        (
            claim(RunBuilder(), "t1", "c1"),
            ("the final read 'bags' of baggage-cgk was never taken, so bags cannot be matched"),
        ),
        (belt(("t1", None), ("t2", None)), "only 0 bags claimed, at least 1 needed"),
    ],
)
def test_missing_reads_and_too_few_claims_are_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("bags_match")
    assert (verdict.reason, verdict.result) == (reason, "inconclusive")
