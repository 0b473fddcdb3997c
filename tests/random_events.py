"""Hypothesis strategies for single events of a history, valid but without any relation."""

from hypothesis import strategies as st

from harness.history import (
    Called,
    Completion,
    Ended,
    Fail,
    Fault,
    Gauge,
    Generator,
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

TIMES = st.floats(-2, 50, width=16)
WORDS = st.sampled_from(["a", "b", "pay"])
SERVICES = st.sampled_from(["counter-a", "autogate-a", "baggage-a", "border", "watchlist"])
NUMBERS = st.floats(-5, 500, width=16)
VALUES = st.one_of(st.none(), st.booleans(), WORDS, st.integers(-3, 9), st.lists(WORDS, max_size=2))
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "id", "tag", "tags", "passenger", "crossing", "decision", "document", "number",
            "mrz", "snapshot_version", "snapshot_age", "path", "late_hit", "channel", "pending",
        ]
    ),
    st.one_of(VALUES, st.sampled_from(["admitted", "manual", "counter"])),
    max_size=6,
)  # fmt: skip
GAUGE_VALUES = st.dictionaries(st.sampled_from(["received", "pending"]), NUMBERS, max_size=2)
FAULT_STATES = ["asked", "injected", "verified", "unverified", "healing", "healed", "unhealed"]
MODES = st.sampled_from(["automatic", "manual", "mixed", "odd"])
STAGES = st.sampled_from(["closed", "ramping", "dwelling", "done", "relapsed", "odd"])


def completion(kind: type[Completion]) -> st.SearchStrategy[Completion]:
    return st.builds(
        kind, t=TIMES, id=WORDS, op=WORDS, service=SERVICES, latency=NUMBERS, value=FIELDS
    )  # fmt: skip


EVENTS = st.one_of(
    st.builds(
        Invoke,
        t=TIMES,
        id=WORDS,
        op=WORDS,
        service=SERVICES,
        actor=WORDS,
        journey=WORDS,
        due=TIMES,
        input=FIELDS,
    ),
    completion(Ok),
    completion(Fail),
    completion(Unknown),
    st.builds(
        Fault,
        t=TIMES,
        id=WORDS,
        step=WORDS,
        fault=WORDS,
        targets=st.just(("x",)),
        state=st.sampled_from(FAULT_STATES),
    ),
    st.builds(
        Called, t=TIMES, step=WORDS, service=SERVICES, request=WORDS, status=st.integers(0, 599)
    ),
    st.builds(
        Node,
        t=TIMES,
        service=SERVICES,
        state=st.sampled_from(["ready", "exited"]),
        planned=st.booleans(),
    ),
    st.builds(Mode, t=TIMES, service=SERVICES, mode=MODES),
    st.builds(
        Plan,
        t=TIMES,
        service=st.just("border"),
        stages=st.dictionaries(WORDS, st.lists(WORDS, max_size=2).map(tuple), max_size=3),
    ),
    st.builds(
        Stage,
        t=TIMES,
        service=st.just("border"),
        stage=WORDS,
        state=STAGES,
        share=NUMBERS,
        gate=st.booleans(),
    ),
    st.builds(
        Notice,
        t=TIMES,
        service=SERVICES,
        number=st.integers(),
        state=st.sampled_from(["disruption", "progress", "all-clear"]),
        texts=st.dictionaries(st.sampled_from(["id", "en"]), st.text(max_size=3), max_size=2),
    ),
    st.builds(Gauge, t=TIMES, service=SERVICES, values=GAUGE_VALUES),
    st.builds(LogEvent, t=TIMES, service=SERVICES, event=st.just("journal"), data=FIELDS),
    st.builds(
        Read,
        t=TIMES,
        service=SERVICES,
        name=st.sampled_from(["crossings", "quarantine", "watchlist", "bags"]),
        items=st.lists(FIELDS, max_size=3).map(tuple),
        complete=st.booleans(),
    ),
    st.builds(Generator, t=TIMES, worker=WORDS, cpu=NUMBERS),
    st.builds(Phase, t=TIMES, name=st.sampled_from(["load", "settle", "reads"])),
    st.builds(Ended, t=TIMES, quiescent=st.booleans(), asked=st.booleans()),
    st.builds(
        Started,
        t=TIMES,
        scenario=WORDS,
        seed=st.just(0),
        pace=st.sampled_from([0.001, 1.0, 60.0, 10000.0]),
        epoch=TIMES,
        origin=WORDS,
    ),
)
