"""The recorder: times relative to the epoch, buffering before it, and observers."""

from pathlib import Path

from harness.clock import WALL_CLOCK
from harness.history import Event, Mode, Node, Phase, Started, read_lines
from harness.run import Recorder


def started() -> Started:
    return Started(
        backend="local", t=0.0, scenario="s", seed=0, pace=1.0, epoch=100.0, origin="2024-06-20"
    )


def test_an_event_before_the_epoch_gets_a_negative_time(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "part.jsonl", WALL_CLOCK)
    recorder.node(Node(t=98.0, service="s", state="started"))
    recorder.begin(100.0, started())
    recorder.line("s", b'{"event":"mode","mode":"manual"}', 103.0)
    recorder.line("s", b"chatter", 103.0)
    recorder.close()
    events = [(type(event), event.t) for event in read_lines(tmp_path / "part.jsonl")]
    assert events == [(Started, 0.0), (Node, -2.0), (Mode, 3.0)]


def test_observers_receive_every_event_with_its_time(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "part.jsonl", WALL_CLOCK)
    seen: list[Event] = []
    recorder.watch(seen.append)
    recorder.begin(100.0, started())
    recorder.at(101.5, Phase(t=0.0, name="load"))
    recorder.close()
    assert [event.t for event in seen] == [0.0, 1.5]


def test_an_observer_that_raises_is_dropped_and_no_event_is_lost(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "part.jsonl", WALL_CLOCK)
    received: list[Event] = []

    def fail(event: Event) -> None:
        received.append(event)
        raise SystemExit(1)  # as rich does when it prints to a closed pipe

    recorder.watch(fail)
    recorder.begin(100.0, started())
    recorder.now(Phase(t=0.0, name="load"))
    recorder.close()
    assert len(received) == 1
    assert len(list(read_lines(tmp_path / "part.jsonl"))) == 2
