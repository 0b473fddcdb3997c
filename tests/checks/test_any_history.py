"""Every check on random histories: it never raises, and never passes without evidence."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import experiments.checks  # noqa: F401 - imported for the checks that it registers
from harness.checks import CHECKS, bind
from harness.history import AnyEvent, History
from harness.scenario import Expectation
from tests.random_events import EVENTS
from tests.run_builder import RunBuilder

LEDGER = {"service": "border", "read": "crossings"}
PARAMS: dict[str, list[dict[str, Any]]] = {
    "faults_bite": [{}, {"steps": ["a", "b"]}],
    "generator_healthy": [{"min_requests": 1}],
    "steady_state": [{"min_requests": 1}],
    "fallback": [
        {"services": ["counter-a"], "within": 3, "serving": {"ops": "pay", "when": {"id": "a"}}},
    ],
    "leaves_fallback": [{"services": ["counter-a", "border"], "within": 3}],
    "stays_automatic": [{"services": ["border"]}],
    "honest_answers": [
        {"op": "pay", "claim": {"id": "a"}, "ledger": LEDGER, "channels": ["a"], "grace": 1}
    ],
    "exactly_once": [
        {"ops": "pay", "ledger": LEDGER, "also_in": {"service": "counter-a", "read": "quarantine"}}
    ],
    "stages_in_order": [{}, {"stages": "a", "max_step": 0.5, "dwell": 1, "step": "a"}],
    "no_storm": [{"tenants": "border", "per_request": 1, "peak": 1, "slice": 1, "min_requests": 1}],
    "backlog_drains": [
        {"services": ["counter-a"], "within": 5},
        {"services": ["border"], "within": 5, "event": "gauge", "adds": {"ops": "pay"}},
    ],
    "errors_subside": [{"window": 2, "min_requests": 1}],
    "notices": [{"first": 1, "every": 2, "after": 3, "languages": ["id", "en"]}],
    "quiesced": [{}],
    "nothing_crashed": [{}],
    "nobody_barred_admitted": [{}],
    "gates_fail_closed": [{"within": 1}],
    "bags_match": [{}],
}


def test_parameters_are_listed_for_every_check() -> None:
    assert sorted(PARAMS) == sorted(CHECKS)


@pytest.mark.parametrize("check", sorted(PARAMS))
def test_a_description_says_first_what_passes(check: str) -> None:
    assert (CHECKS[check].__doc__ or "").startswith("Passes if ")


@pytest.mark.parametrize("check", sorted(PARAMS))
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(events=st.lists(EVENTS, max_size=25), faulty=st.booleans(), ended=st.booleans())
def test_checks_never_raise_on_random_histories(
    check: str, events: list[AnyEvent], faulty: bool, ended: bool
) -> None:
    run = RunBuilder().add(*events)
    if faulty:
        run.fault("a", 5, 10).fault("b", 12, 20, injection="other")
    if ended:
        run.final_read("border", "crossings", {"id": "a"}, at=60).end(60)
        for name in ("quarantine", "journal"):
            run.final_read("counter-a", name, at=60)
        run.final_read("watchlist", "watchlist", {"document": "a", "number": 1}, at=60)
        run.final_read("baggage-a", "bags", {"tag": "a", "passenger": None}, at=60)
    for params in PARAMS[check]:
        bound = bind(Expectation(check=check, params=params))
        for history in (run.history(), History(events)):
            verdict = bound.judge(history)
            assert verdict.check == check
            assert verdict.reason
            assert len(verdict.evidence) <= 20
            assert all(key in (bound.__doc__ or "") for key in verdict.measured)
            assert all(0 <= index < len(history.events) for index in verdict.evidence)


@pytest.mark.parametrize("check", sorted(PARAMS))
def test_an_empty_history_is_never_a_pass(check: str) -> None:
    for params in PARAMS[check]:
        bound = bind(Expectation(check=check, params=params))
        assert bound.judge(History([])).result == "inconclusive"


@pytest.mark.parametrize("check", sorted(PARAMS.keys() - {"quiesced"}))
def test_a_run_without_requests_or_faults_is_never_a_pass(check: str) -> None:
    for params in PARAMS[check]:
        bound = bind(Expectation(check=check, params=params))
        assert bound.judge(RunBuilder().end(60).history()).result == "inconclusive"
