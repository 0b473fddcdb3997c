"""The load's writer of events, on its own."""

import os
from pathlib import Path

import pytest

from harness.history import Generator, read_lines
from harness.load import Recorder, RecorderError


def event(t: float, state: str = "running") -> Generator:
    return Generator(t=t, worker="0", cpu=0.5, state=state)  # type: ignore[arg-type]


def test_events_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "parts" / "load-0.jsonl"
    recorder = Recorder(path)
    recorder.write(event(1.0))
    recorder.write(event(2.0))
    recorder.flush()
    assert list(read_lines(path)) == [event(1.0), event(2.0)]
    recorder.close(event(3.0, "finished"))
    assert list(read_lines(path)) == [event(1.0), event(2.0), event(3.0, "finished")]


def test_a_busy_loop_flushes_without_a_timer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("harness.load._recorder.monotonic", lambda: now[0])
    path = tmp_path / "part.jsonl"
    recorder = Recorder(path)
    recorder.write(event(1.0))
    assert list(read_lines(path)) == []
    now[0] = 0.11
    recorder.write(event(2.0))
    assert list(read_lines(path)) == [event(1.0), event(2.0)]
    recorder.close()


def test_an_existing_part_is_appended_to(tmp_path: Path) -> None:
    for t in (1.0, 2.0):
        recorder = Recorder(tmp_path / "part.jsonl")
        recorder.write(event(t))
        recorder.close()
    assert list(read_lines(tmp_path / "part.jsonl")) == [event(1.0), event(2.0)]


def test_closing_twice_does_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    recorder = Recorder(path)
    recorder.close(event(1.0))
    recorder.close(event(2.0))
    assert list(read_lines(path)) == [event(1.0)]


def test_a_full_disk_is_reported_once_and_recorded_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path / "part.jsonl")
    recorder.write(event(1.0))

    def full(file: int, data: memoryview) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("harness.load._recorder.os.write", full)
    with pytest.raises(RecorderError, match=r"No space left on device.*: free space and run again"):
        recorder.flush()
    with pytest.raises(RecorderError, match="earlier event"):
        recorder.write(event(2.0))
    recorder.close(event(3.0, "finished"))
    assert list(read_lines(tmp_path / "part-died.jsonl")) == [event(3.0, "died")]


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    path = tmp_path / "part.jsonl"
    recorder = Recorder(path)
    monkeypatch.setattr(
        "harness.load._recorder.os.write", lambda file, data: write(file, bytes(data)[:7])
    )
    recorder.write(event(1.0))
    recorder.close()
    monkeypatch.undo()
    assert list(read_lines(path)) == [event(1.0)]


def test_a_part_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecorderError, match="cannot be written: File exists"):
        Recorder(tmp_path / "file" / "part.jsonl")
