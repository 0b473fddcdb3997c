"""Triggers wait for what is described, and for nothing else."""

from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from harness.history import Event, Fail, Gauge, Invoke, LogEvent, Mode, Ok, Stage, Unknown, encode
from harness.run._live_state import LiveState, Tailer, matches
from harness.scenario import When

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
def test_a_trigger_matches_what_it_describes(
    when: dict[str, object], event: Event, expected: bool
) -> None:
    assert matches(When.model_validate({**when, "within": "1h"}), event) is expected


def test_what_was_seen_before_the_wait_counts() -> None:
    live_state = LiveState()
    live_state.observe(JOURNAL)
    when = When(event="journal", within=60.0)
    assert live_state.wait(when, Flag(), lambda: 0.0) is JOURNAL


def test_a_wait_ends_when_the_event_comes() -> None:
    live_state = LiveState()
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


def test_a_wait_ends_when_its_time_is_up_or_the_run_stops() -> None:
    live_state, stop = LiveState(), Flag()
    assert live_state.wait(When(event="journal", within=60.0), stop, lambda: 0.0) is None
    stop.set()
    assert live_state.wait(When(event="journal", within=60.0), stop, lambda: 60.0) is None


def test_requests_are_counted_by_outcome_from_the_generators_own_parts(tmp_path: Path) -> None:
    live_state = LiveState()
    follower = Tailer(tmp_path, live_state)
    common = {"op": "o", "service": "s"}
    asked = [
        Invoke(t=0, id=str(n), actor="a", journey="j", due=0, **common)  # type: ignore[arg-type]
        for n in range(3)
    ]
    answers = [
        kind(t=1, id=str(n), latency=1, **common)  # type: ignore[arg-type]
        for n, kind in enumerate((Ok, Fail, Unknown))
    ]
    lines = [encode(event) + b"\n" for event in [*asked, *answers]]
    part = tmp_path / "load-0.jsonl"
    part.write_bytes(b"".join(lines[:4]) + lines[4][:10])
    follower.read()
    assert (live_state.asked, live_state.ok, live_state.failed, live_state.unknown) == (3, 1, 0, 0)
    with part.open("ab") as file:
        file.write(lines[4][10:] + lines[5])
    follower.read()
    assert (live_state.asked, live_state.ok, live_state.failed, live_state.unknown) == (3, 1, 1, 1)
