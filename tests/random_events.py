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
