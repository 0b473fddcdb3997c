"""What a run prints without a terminal: one unbroken line per message, without repetitions."""

import io
from pathlib import Path

import msgspec
from rich.console import Console

from harness.clock import WALL_CLOCK
from harness.history import (
    Ended,
    Event,
    Fault,
    Gauge,
    Invoke,
    Mode,
    Node,
    Phase,
    Stage,
    Started,
)
from harness.run import LiveState, Recorder, progress
from harness.run._progress import _View

CLOSED = Stage(t=1.0, service="command", stage="border", state="closed", share=0.0)
STARTED = Started(backend="local", t=0.0, scenario="x", seed=0, pace=1.0, epoch=0.0, origin="")


def lines(tmp_path: Path, *events: Event) -> list[str]:
    """Return what is printed while `events` are recorded."""
    out = io.StringIO()
    recorder = Recorder(tmp_path / "part.jsonl", WALL_CLOCK)
    live_state = LiveState(WALL_CLOCK)
    recorder.watch(live_state.observe)
    with progress(Console(file=out, width=40), "x on local") as watch:
        watch(live_state)
        recorder.begin(0.0, STARTED)
        for event in events:
            recorder.at(event.t, event)
    recorder.close()
    return out.getvalue().splitlines()


def test_a_line_is_not_broken_however_narrow_the_console(tmp_path: Path) -> None:
    reason = "watchlist does not answer: 3 failures in a row, the last: no answer in time [x]"
    (line,) = lines(tmp_path, Mode(t=2.5, service="gate", mode="manual", reason=reason))
    assert line == f"    2.50 s  gate is manual: {reason}"


def test_the_mode_in_which_a_service_starts_is_printed_only_if_it_is_not_automatic(
    tmp_path: Path,
) -> None:
    first = Mode(t=-2.0, service="gate", mode="automatic")
    printed = lines(tmp_path, first, msgspec.structs.replace(first, mode="manual"))
    assert [line.split()[-1] for line in printed] == ["manual"]


def test_planned_exits_after_the_end_of_the_run_are_not_printed(tmp_path: Path) -> None:
    killed = Node(t=1.0, service="gate", state="exited", detail="killed by SIGKILL")
    planned = msgspec.structs.replace(killed, t=3.0, detail="killed by SIGTERM")
    unplanned = msgspec.structs.replace(killed, t=4.0, planned=False)
    printed = lines(tmp_path, killed, Ended(t=2.0, quiescent=True), planned, unplanned)
    assert [line.split()[0] for line in printed] == ["1.00", "2.00", "4.00"]


def test_a_repeated_report_of_a_stage_is_not_printed(tmp_path: Path) -> None:
    again = msgspec.structs.replace(CLOSED, t=2.0)
    opens = msgspec.structs.replace(CLOSED, t=3.0, state="ramping", share=0.5)
    relapse = msgspec.structs.replace(CLOSED, t=4.0)
    other = msgspec.structs.replace(CLOSED, t=5.0, stage="visa")
    printed = lines(tmp_path, CLOSED, again, opens, relapse, other)
    assert [line.split()[0] for line in printed] == ["1.00", "3.00", "4.00", "5.00"]


def test_the_live_view_shows_the_snapshot() -> None:
    live_state = LiveState(WALL_CLOCK)
    view = _View("x on local")
    view.attach(live_state)
    for event in (
        msgspec.structs.replace(STARTED, epoch=WALL_CLOCK.time()),
        Phase(t=0.0, name="load"),
        Mode(t=1.0, service="shop", mode="manual"),
        Gauge(t=2.0, service="shop", values={"waiting": 3.0, "backlog": 4.0}),
        Gauge(t=2.0, service="desk", values={"waiting": 2.0}),
        Fault(t=3.0, id="1", step="gone", fault="cut", targets=("a-b",), state="verified"),
        Fault(t=3.0, id="2", step="stuck", fault="cut", targets=("a-b",), state="unhealed"),
        Invoke(t=4.0, id="1", op="o", service="shop", actor="a", journey="j", due=4.0),
    ):
        live_state.observe(event)
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(view)
    shown = " ".join(console.export_text().split())
    assert shown.startswith("x on local load ")
    assert "requests 1 ok 0 failed 0 unknown 0 waiting 5 backlog 4 faults gone shop manual" in shown
    assert "3.00 s fault gone: cut on a-b verified" in shown


def test_a_reason_of_several_lines_is_printed_as_one(tmp_path: Path) -> None:
    mode = Mode(t=1.0, service="shop", mode="manual", reason="down\n::error::down")
    assert lines(tmp_path, STARTED, mode)[-1].endswith("shop is manual: down ::error::down")
