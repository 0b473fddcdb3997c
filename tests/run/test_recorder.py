"""Events before the run begins are kept, with negative times; nothing is lost at the end."""

from pathlib import Path

from harness.history import Event, Mode, Node, Phase, Started, read_lines
from harness.run import Recorder


def started() -> Started:
    return Started(t=0.0, scenario="s", seed=0, pace=1.0, epoch=100.0, origin="2024-06-20")


def test_what_happens_before_the_epoch_gets_a_negative_time(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "part.jsonl")
    recorder.node(Node(t=98.0, service="s", state="started"))
    recorder.begin(100.0, started())
    recorder.line("s", b'{"event":"mode","mode":"manual"}', 103.0)
    recorder.line("s", b"chatter", 103.0)
    recorder.close()
    events = [(type(event), event.t) for event in read_lines(tmp_path / "part.jsonl")]
    assert events == [(Started, 0.0), (Node, -2.0), (Mode, 3.0)]


def test_observers_see_every_event_with_its_time(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "part.jsonl")
    seen: list[Event] = []
    recorder.watch(seen.append)
    recorder.begin(100.0, started())
    recorder.at(101.5, Phase(t=0.0, name="load"))
    recorder.close()
    assert [event.t for event in seen] == [0.0, 1.5]


def test_a_watcher_that_breaks_is_dropped_and_nothing_is_lost(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "part.jsonl")
    told: list[Event] = []

    def closed(event: Event) -> None:
        told.append(event)
        raise SystemExit(1)  # as rich does where its pipe is closed

    recorder.watch(closed)
    recorder.begin(100.0, started())
    recorder.now(Phase(t=0.0, name="load"))
    recorder.close()
    assert len(told) == 1
    assert len(list(read_lines(tmp_path / "part.jsonl"))) == 2
