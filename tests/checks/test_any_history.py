"""A check never raises, whatever it is given: every check, on histories out of thin air."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.run_builder import RunBuilder

import experiments.checks  # noqa: F401 - imported for the checks that it registers
from harness.checks import CHECKS, bind
from harness.history import (
    AnyEvent,
    Called,
    Completion,
    Ended,
    Fail,
    Fault,
    Gauge,
    Generator,
    History,
    Invoke,
    LogEvent,
    Mode,
    Node,
    Notice,
    Ok,
    Phase,
    Plan,
    Read,
    Stage,
    Started,
    Unknown,
)
from harness.scenario import Expectation

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

t = st.floats(-2, 50, width=16)
word = st.sampled_from(["a", "b", "pay"])
service = st.sampled_from(["counter-a", "autogate-a", "baggage-a", "border", "watchlist"])
number = st.floats(-5, 500, width=16)
junk = st.one_of(st.none(), st.booleans(), word, st.integers(-3, 9), st.lists(word, max_size=2))
fields = st.dictionaries(
    st.sampled_from(
        [
            "id", "tag", "tags", "passenger", "crossing", "decision", "document", "number",
            "mrz", "snapshot_version", "snapshot_age", "path", "late_hit", "channel", "pending",
        ]
    ),
    st.one_of(junk, st.sampled_from(["admitted", "manual", "counter"])),
    max_size=6,
)  # fmt: skip
numbers = st.dictionaries(st.sampled_from(["received", "pending"]), number, max_size=2)
FAULT_STATES = ["asked", "injected", "verified", "unverified", "healing", "healed", "unhealed"]
MODES = st.sampled_from(["automatic", "manual", "mixed", "odd"])
STAGES = st.sampled_from(["closed", "ramping", "dwelling", "done", "relapsed", "odd"])


def completion(kind: type[Completion]) -> st.SearchStrategy[Completion]:
    return st.builds(
        kind, t=t, id=word, op=word, service=service, latency=number, value=fields
    )  # fmt: skip


EVENTS = st.one_of(
    st.builds(
        Invoke,
        t=t,
        id=word,
        op=word,
        service=service,
        actor=word,
        journey=word,
        due=t,
        input=fields,
    ),
    completion(Ok),
    completion(Fail),
    completion(Unknown),
    st.builds(
        Fault,
        t=t,
        id=word,
        step=word,
        fault=word,
        targets=st.just(("x",)),
        state=st.sampled_from(FAULT_STATES),
    ),
    st.builds(Called, t=t, step=word, service=service, request=word, status=st.integers(0, 599)),
    st.builds(
        Node,
        t=t,
        service=service,
        state=st.sampled_from(["ready", "exited"]),
        planned=st.booleans(),
    ),
    st.builds(Mode, t=t, service=service, mode=MODES),
    st.builds(
        Plan,
        t=t,
        service=st.just("border"),
        stages=st.dictionaries(word, st.lists(word, max_size=2).map(tuple), max_size=3),
    ),
    st.builds(
        Stage,
        t=t,
        service=st.just("border"),
        stage=word,
        state=STAGES,
        share=number,
        gate=st.booleans(),
    ),
    st.builds(
        Notice,
        t=t,
        service=service,
        number=st.integers(),
        state=st.sampled_from(["disruption", "progress", "all-clear"]),
        texts=st.dictionaries(st.sampled_from(["id", "en"]), st.text(max_size=3), max_size=2),
    ),
    st.builds(Gauge, t=t, service=service, values=numbers),
    st.builds(LogEvent, t=t, service=service, event=st.just("journal"), data=fields),
    st.builds(
        Read,
        t=t,
        service=service,
        name=st.sampled_from(["crossings", "quarantine", "watchlist", "bags"]),
        items=st.lists(fields, max_size=3).map(tuple),
        complete=st.booleans(),
    ),
    st.builds(Generator, t=t, worker=word, cpu=number),
    st.builds(Phase, t=t, name=st.sampled_from(["load", "settle", "reads"])),
    st.builds(Ended, t=t, quiescent=st.booleans()),
    st.builds(
        Started,
        t=t,
        scenario=word,
        seed=st.just(0),
        pace=st.sampled_from([0.001, 1.0, 60.0, 10000.0]),
        epoch=t,
        origin=word,
    ),
)


def test_every_check_is_tried() -> None:
    assert sorted(PARAMS) == sorted(CHECKS)


@pytest.mark.parametrize("check", sorted(PARAMS))
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(events=st.lists(EVENTS, max_size=25), faulty=st.booleans(), ended=st.booleans())
def test_no_history_makes_a_check_raise(
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
            assert all(0 <= index < len(history.events) for index in verdict.evidence)


@pytest.mark.parametrize("check", sorted(PARAMS))
def test_an_empty_history_is_never_a_pass(check: str) -> None:
    for params in PARAMS[check]:
        bound = bind(Expectation(check=check, params=params))
        assert bound.judge(History([])).result == "inconclusive"


@pytest.mark.parametrize("check", sorted(PARAMS.keys() - {"quiesced"}))
def test_a_run_in_which_nobody_did_anything_is_never_a_pass(check: str) -> None:
    for params in PARAMS[check]:
        bound = bind(Expectation(check=check, params=params))
        assert bound.judge(RunBuilder().end(60).history()).result == "inconclusive"
