"""The fold over events: the rule for modes, and the state of a run."""

import pytest

from harness.history import (
    CurrentModes,
    Ended,
    Event,
    Fail,
    Fault,
    FaultState,
    Gauge,
    Invoke,
    Mode,
    Node,
    Ok,
    Phase,
    RequestCounts,
    RunState,
    Stage,
    Started,
    Unknown,
)

MANUAL = Mode(t=1.0, service="shop", mode="manual")
MIXED = Mode(t=2.0, service="shop", mode="mixed")


def node(state: str, service: str = "shop") -> Node:
    return Node(t=3.0, service=service, state=state)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("events", "mode"),
    [
        ([], None),
        ([MANUAL], "manual"),
        ([MANUAL, MIXED], "mixed"),
        ([MANUAL, node("exited")], "manual"),
        ([MANUAL, node("paused"), node("resumed"), node("ready")], "manual"),
        ([MANUAL, node("started")], None),
        ([MANUAL, node("started"), MIXED], "mixed"),
        ([MANUAL, node("started", "pay")], "manual"),
        ([Mode(t=0.0, service="pay", mode="mixed")], None),
    ],
)
def test_a_mode_is_what_was_last_reported_and_unknown_after_a_restart(
    events: list[Event], mode: str | None
) -> None:
    modes = CurrentModes()
    for event in events:
        modes.apply(event)
    assert modes.mode("shop") == mode
    state = RunState()
    for event in events:
        state.apply(event)
    assert state.modes.mode("shop") == mode


def test_apply_tells_which_events_concern_modes() -> None:
    modes = CurrentModes()
    assert modes.apply(MANUAL)
    assert list(modes) == [MANUAL]
    assert modes.apply(node("started"))
    assert not modes.apply(node("ready"))
    assert not modes.apply(Phase(t=0.0, name="load"))
    assert list(modes) == []


def fault(name: str, state: FaultState) -> Fault:
    return Fault(t=1.0, id=name, step="gone", fault="cut", targets=("a-b",), state=state)


def test_the_state_of_a_run_has_the_last_state_of_everything() -> None:
    state = RunState()
    assert (state.phase, state.started, state.ended) == ("starting", None, None)
    started = Started(backend="local", t=0.0, scenario="s", seed=1, pace=60.0, epoch=0.0, origin="")
    ended = Ended(t=9.0, quiescent=True)
    closed = Stage(t=4.0, service="plan", stage="pay", state="closed")
    opened = Stage(t=5.0, service="plan", stage="pay", state="done", share=1.0)
    other = Stage(t=5.0, service="plan-b", stage="pay", state="closed")
    events: list[Event] = [
        started,
        Phase(t=0.0, name="load"),
        node("started"),
        node("ready"),
        closed,
        opened,
        other,
        Gauge(t=1.0, service="shop", values={"waiting": 3.0, "backlog": 1.0}),
        Gauge(t=2.0, service="shop", values={"waiting": 4.0}),
        Phase(t=8.0, name="quiescence"),
        ended,
    ]
    for event in events:
        state.apply(event)
    assert (state.phase, state.started, state.ended) == ("quiescence", started, ended)
    assert state.nodes == {"shop": node("ready")}
    assert list(state.stages.values()) == [opened, other]
    assert state.gauges == {"shop": {"waiting": 4.0, "backlog": 1.0}}


def test_only_faults_that_are_not_healed_are_kept() -> None:
    state = RunState()
    for name, states in (
        ("1", ("asked", "injected", "verified", "healing", "healed")),
        ("2", ("asked", "injected")),
        ("3", ("asked", "injected", "verified", "healing", "unhealed")),
    ):
        for reached in states:
            state.apply(fault(name, reached))  # type: ignore[arg-type]
    assert {name: event.state for name, event in state.faults.items()} == {
        "2": "injected",
        "3": "unhealed",
    }


def test_requests_are_counted_by_outcome() -> None:
    state = RunState()
    for n, kind in enumerate((Ok, Ok, Fail, Unknown, None)):
        name = str(n)
        state.apply(
            Invoke(t=0.0, id=name, op="buy", service="shop", actor="a", journey="j", due=0.0)
        )
        if kind is not None:
            state.apply(kind(t=1.0, id=name, op="buy", service="shop", latency=1.0))
    assert state.requests == RequestCounts(sent=5, ok=2, failed=1, unknown=1)
