"""What a run prints where no terminal is: a line for each piece of news, whole and once."""

import io
from pathlib import Path

import msgspec
from rich.console import Console

from harness.history import Ended, Event, Mode, Node, Stage, Started
from harness.run import LiveState, Recorder, progress

CLOSED = Stage(t=1.0, service="command", stage="border", state="closed", share=0.0)
STARTED = Started(t=0.0, scenario="x", seed=0, pace=1.0, epoch=0.0, origin="")


def lines(tmp_path: Path, *events: Event) -> list[str]:
    """What is printed of `events`."""
    out = io.StringIO()
    recorder = Recorder(tmp_path / "part.jsonl")
    with progress(Console(file=out, width=40), "x on local") as watch:
        watch(LiveState(), recorder)
        recorder.begin(0.0, STARTED)
        for event in events:
            recorder.at(event.t, event)
    recorder.close()
    return out.getvalue().splitlines()


def test_a_line_is_not_broken_however_narrow_the_console(tmp_path: Path) -> None:
    reason = "watchlist does not answer: 3 failures in a row, the last: no answer in time [x]"
    (line,) = lines(tmp_path, Mode(t=2.5, service="gate", mode="manual", reason=reason))
    assert line == f"    2.50 s  gate is manual: {reason}"


def test_that_everything_ends_at_the_end_is_no_news(tmp_path: Path) -> None:
    killed = Node(t=1.0, service="gate", state="exited", detail="killed by SIGKILL")
    planned = msgspec.structs.replace(killed, t=3.0, detail="killed by SIGTERM")
    unplanned = msgspec.structs.replace(killed, t=4.0, planned=False)
    told = lines(tmp_path, killed, Ended(t=2.0, quiescent=True), planned, unplanned)
    assert [line.split()[0] for line in told] == ["1.00", "2.00", "4.00"]


def test_a_stage_that_says_again_what_it_said_is_no_news(tmp_path: Path) -> None:
    again = msgspec.structs.replace(CLOSED, t=2.0)
    opens = msgspec.structs.replace(CLOSED, t=3.0, state="ramping", share=0.5)
    relapse = msgspec.structs.replace(CLOSED, t=4.0)
    other = msgspec.structs.replace(CLOSED, t=5.0, stage="visa")
    told = lines(tmp_path, CLOSED, again, opens, relapse, other)
    assert [line.split()[0] for line in told] == ["1.00", "3.00", "4.00", "5.00"]
