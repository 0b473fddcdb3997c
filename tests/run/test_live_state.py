"""The live state: triggers, counts, messages, and the snapshot that views are made of."""

from pathlib import Path
from threading import Event as Flag
from threading import Thread

import msgspec
import pytest

from harness.clock import WALL_CLOCK
from harness.history import (
    Event,
    Fail,
    Fault,
    Gauge,
    Invoke,
    LogEvent,
    Mode,
    Node,
    Ok,
    Phase,
    RequestCounts,
    Stage,
    Started,
    Unknown,
    encode,
)
from harness.run import ActiveFault, LiveState, Message, Snapshot, StageState
from harness.run._tailer import Tailer
from harness.run._triggers import matches
from harness.scenario import When

from .fake_clock import FakeClock

JOURNAL = LogEvent(
    t=1.0, service="counter-cgk", event="journal", data={"share": 0.5, "pending": 10}
)
MODE = Mode(t=0, service="s", mode="manual")
GAUGE = Gauge(t=0, service="s", values={"waiting": 4})
STAGE = Stage(t=1.0, service="command", stage="border", state="ramping", share=0.25)


@pytest.mark.parametrize(
    ("when", "event", "expected"),
    [
        ({"event": "journal"}, JOURNAL, True),
        ({"event": "journal", "service": "counter-cgk"}, JOURNAL, True),
        ({"event": "journal", "service": "counter-sub"}, JOURNAL, False),
        ({"event": "journal", "at_least": {"share": 0.5}}, JOURNAL, True),
        ({"event": "journal", "at_least": {"share": 0.6}}, JOURNAL, False),
        ({"event": "journal", "at_most": {"pending": 10}}, JOURNAL, True),
        ({"event": "journal", "at_most": {"pending": 9}}, JOURNAL, False),
        ({"event": "journal", "at_least": {"missing": 0}}, JOURNAL, False),
        ({"event": "journal", "at_most": {"missing": 9}}, JOURNAL, False),
        ({"event": "stage", "where": {"stage": "border", "state": "ramping"}}, STAGE, True),
        ({"event": "stage", "where": {"stage": "visa"}}, STAGE, False),
        ({"event": "stage", "at_least": {"share": 0.25}}, STAGE, True),
        ({"event": "mode", "where": {"mode": "manual"}}, MODE, True),
        ({"event": "gauge", "at_least": {"waiting": 3}}, GAUGE, True),
        ({"event": "mode"}, STAGE, False),
    ],
)  # fmt: skip
def test_a_trigger_matches_the_events_that_it_describes(
    when: dict[str, object], event: Event, expected: bool
) -> None:
    assert matches(When.model_validate({**when, "within": "1h"}), event) is expected


def test_an_event_from_before_the_wait_matches() -> None:
    live_state = LiveState(WALL_CLOCK)
    live_state.observe(JOURNAL)
    when = When(event="journal", within=60.0)
    assert live_state.wait(when, Flag(), lambda: 0.0) is JOURNAL


def test_a_wait_ends_when_the_event_comes() -> None:
    live_state = LiveState(WALL_CLOCK)
    seen: list[Event | None] = []
    waiter = Thread(
        target=lambda: seen.append(
            live_state.wait(When(event="journal", within=60.0), Flag(), lambda: 30.0)
        )
    )
    waiter.start()
    live_state.observe(STAGE)
    live_state.observe(JOURNAL)
    waiter.join(10.0)
    assert seen == [JOURNAL]


def test_a_wait_ends_when_no_time_remains_or_the_run_stops() -> None:
    live_state, stop = LiveState(WALL_CLOCK), Flag()
    assert live_state.wait(When(event="journal", within=60.0), stop, lambda: 0.0) is None
    stop.set()
    assert live_state.wait(When(event="journal", within=60.0), stop, lambda: 60.0) is None


def test_requests_in_the_parts_of_the_load_generator_are_counted_by_outcome(tmp_path: Path) -> None:
    live_state = LiveState(WALL_CLOCK)
    tailer = Tailer(tmp_path, live_state, WALL_CLOCK)
    common = {"op": "o", "service": "s"}
    sent = [
        Invoke(t=0, id=str(n), actor="a", journey="j", due=0, **common)  # type: ignore[arg-type]
        for n in range(3)
    ]
    completions = [
        kind(t=1, id=str(n), latency=1, **common)  # type: ignore[arg-type]
        for n, kind in enumerate((Ok, Fail, Unknown))
    ]
    lines = [encode(event) + b"\n" for event in [*sent, *completions]]
    part = tmp_path / "load-0.jsonl"
    part.write_bytes(b"".join(lines[:4]) + lines[4][:10])
    tailer.read()
    assert live_state.snapshot().requests == RequestCounts(sent=3, ok=1)
    with part.open("ab") as file:
        file.write(lines[4][10:] + lines[5])
    tailer.read()
    assert live_state.snapshot().requests == RequestCounts(sent=3, ok=1, failed=1, unknown=1)


STARTED = Started(
    backend="local",
    t=0.0,
    scenario="x",
    seed=0,
    pace=60.0,
    epoch=100.0,
    origin="2024-06-20T08:00:00+07:00",
)


def fault(t: float, state: str, name: str = "1") -> Fault:
    return Fault(t=t, id=name, step="gone", fault="cut", targets=("a-b",), state=state)  # type: ignore[arg-type]


def test_a_snapshot_has_the_state_after_all_events_at_the_present_time() -> None:
    clock = FakeClock(now=130.0)
    live_state = LiveState(clock)
    events = [
        STARTED,
        Phase(t=0.0, name="load"),
        Node(t=1.0, service="shop", state="ready"),
        Mode(t=2.0, service="shop", mode="manual", reason="no payments"),
        Gauge(t=3.0, service="shop", values={"waiting": 4.0, "backlog": 2.0}),
        Gauge(t=4.0, service="desk", values={"waiting": 1.0}),
        STAGE,
        fault(5.0, "injected"),
        fault(6.0, "verified"),
        fault(7.0, "verified", "2"),
        fault(8.0, "healed", "2"),
    ]
    for event in events:
        live_state.observe(event)
    snapshot = live_state.snapshot()
    assert snapshot == Snapshot(
        scenario="x",
        phase="load",
        t=30.0,
        scenario_seconds=1800.0,
        scenario_clock="2024-06-20T08:30:00+07:00",
        ended=False,
        requests=RequestCounts(),
        modes={"shop": "manual"},
        nodes={"shop": "ready"},
        stages=(StageState(service="command", stage="border", state="ramping", share=0.25),),
        faults=(
            ActiveFault(
                id="1",
                step="gone",
                fault="cut",
                targets=("a-b",),
                state="verified",
                detail="",
                since=6.0,
            ),
        ),
        gauges={"shop": {"waiting": 4.0, "backlog": 2.0}, "desk": {"waiting": 1.0}},
        messages=snapshot.messages,
    )
    assert snapshot.messages[0] == Message(0.0, "load begins")
    assert snapshot.total("waiting") == 5.0
    clock.now += 1.0
    assert live_state.snapshot().t == 31.0


def test_a_snapshot_can_be_sent_as_json_and_read_back() -> None:
    live_state = LiveState(FakeClock(now=130.0))
    for snapshot_of in ([], [STARTED, MODE, GAUGE, STAGE, fault(1.0, "verified")]):
        for event in snapshot_of:
            live_state.observe(event)
        snapshot = live_state.snapshot()
        assert msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot) == snapshot


def test_a_snapshot_does_not_change_with_later_events() -> None:
    live_state = LiveState(WALL_CLOCK)
    live_state.observe(GAUGE)
    snapshot = live_state.snapshot()
    live_state.observe(Gauge(t=1.0, service="s", values={"waiting": 9.0}))
    live_state.observe(Invoke(t=1, id="1", actor="a", journey="j", due=0, op="o", service="s"))
    assert (snapshot.gauges, snapshot.requests.sent) == ({"s": {"waiting": 4.0}}, 0)


def test_a_subscriber_that_raises_is_dropped_and_triggers_go_on() -> None:
    live_state = LiveState(WALL_CLOCK)
    received: list[Message] = []

    def fail(message: Message) -> None:
        received.append(message)
        raise SystemExit(1)  # as rich does when it prints to a closed pipe

    live_state.subscribe(fail)
    live_state.observe(MODE)
    live_state.observe(STAGE)
    assert len(received) == 1
    assert live_state.wait(When(event="stage", within=60.0), Flag(), lambda: 0.0) is STAGE


def test_a_trigger_waits_on_the_clock_of_the_run() -> None:
    clock = FakeClock(now=0.0)
    when, deadline = When(event="journal", within=3600.0), 3600.0
    waited = LiveState(clock).wait(when, Flag(), lambda: deadline - clock.time())
    assert waited is None
    assert clock.now >= deadline
