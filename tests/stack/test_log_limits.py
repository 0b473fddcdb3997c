"""A service that logs without end fills neither the disk nor the memory, and is not blocked."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from stack_rig import Rig, eventually

from harness.errors import UsageError
from harness.stack import Settings, lost_lines
from harness.stack._log_files import LogFiles, LogWriter
from harness.stack.compose._logs import Log, stamped_lines

MakeRig = Callable[..., Rig]

FLOOD = """
import os, sys, threading, time
while not os.path.exists("go"):
    time.sleep(0.02)
for number in range({count}):
    sys.stdout.write(f"{{number:099}}\\n")
print('{{"event": "flooded"}}', flush=True)
open("flooded", "w").close()
threading.Event().wait()
"""


def flood(directory: Path, count: int) -> Path:
    """Write a stack whose service waits for the file `go`, then logs `count` lines of 100 bytes.

    After that it logs an event and creates the file `flooded`.
    """
    (directory / "flood.py").write_text(FLOOD.format(count=count))
    service = {"x-harness": {"site": "here", "command": ["python3", "flood.py"]}}
    file = {"x-harness": {}, "services": {"toxiproxy": {}, "flood": service}}
    (directory / "docker-compose.yml").write_text(json.dumps(file))
    return directory


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """Set a limit of 64 KB and return it."""
    monkeypatch.setenv("HARNESS_LOG_LIMIT", "64KB")
    return 65536


def test_a_log_is_cut_at_the_limit_and_says_so(tmp_path: Path, limit: int) -> None:
    log = tmp_path / "a.log"
    for _ in range(2):  # the second time as after a restart of the service
        writer = LogWriter(log)
        for _ in range(2000):
            writer.write([b"x" * 98])
        writer.close()
    *lines, last = log.read_bytes().splitlines()
    assert {line.strip(b"x") for line in lines} == {b""}
    assert sum(len(line) + 1 for line in lines) <= limit + 1
    assert b"this log is cut here, at 65536 bytes" in last


def test_a_log_of_exactly_the_limit_is_not_cut(tmp_path: Path, limit: int) -> None:
    log = tmp_path / "a.log"
    writer = LogWriter(log)
    writer.write([b"x" * (limit - 1)])
    assert log.read_bytes() == b"x" * (limit - 1) + b"\n"
    writer.write([b"y"])
    writer.close()
    assert b"this log is cut here" in log.read_bytes()


def test_a_limit_that_is_not_a_size_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_LOG_LIMIT", "much")
    with pytest.raises(UsageError, match="HARNESS_LOG_LIMIT: 'much' is not a size"):
        LogFiles(tmp_path).begin()


@pytest.mark.stack
def test_events_after_the_limit_are_still_read(rig: MakeRig, tmp_path: Path, limit: int) -> None:
    one = rig(flood(tmp_path, 5000))
    one.start()
    (tmp_path / "go").touch()
    eventually(lambda: b'{"event": "flooded"}' in one.output("flood"))
    assert len(one.output("flood")) == 5001
    assert (one.state_dir / "logs" / "flood.log").stat().st_size < limit + 200
    assert lost_lines(one.state_dir) == []


@pytest.mark.stack
def test_a_service_is_not_blocked_by_a_harness_that_reads_slowly(
    rig: MakeRig, tmp_path: Path, limit: int
) -> None:
    del limit
    one = rig(flood(tmp_path, 400_000))
    read_on = Event()

    def read(service: str, line: bytes, moment: float) -> None:
        del line, moment
        if service == "flood":
            read_on.wait()

    one.stack.start(Settings(), lines=read, nodes=one.nodes.append)
    (tmp_path / "go").touch()
    try:
        eventually((tmp_path / "flooded").exists)
        eventually(lambda: lost_lines(one.state_dir) == ["flood"])
    finally:
        read_on.set()


def test_lost_lines_of_an_earlier_stack_are_forgotten(tmp_path: Path) -> None:
    files = LogFiles(tmp_path / "logs")
    files.begin()
    files.mark_lost("flood")
    assert lost_lines(tmp_path) == ["flood"]
    files.begin()
    assert lost_lines(tmp_path) == []


class Client:
    """A Docker client whose one container has written `frames`; then `end` is called."""

    def __init__(self, frames: list[bytes], end: Callable[[], object]) -> None:
        self.api = self
        self._frames, self._end = iter(frames), end
        self.closed = Event()

    def logs(self, *_: object, **__: object) -> Any:
        return self

    def __iter__(self) -> Iterator[bytes]:
        yield from self._frames
        self._end()

    def close(self) -> None:
        self.closed.set()


def follow(client: Any, path: Path) -> tuple[Log, list[bytes], list[str]]:
    """Return a log that follows the container of `client`, and what it reports."""
    lines: list[bytes] = []
    lost: list[str] = []
    log = Log(client, "c", path, lambda line, _: lines.append(line), lambda: lost.append("lost"))
    log.follow()
    return log, lines, lost


def frame(number: int, text: bytes) -> bytes:
    return b"2026-11-25T02:43:39.%09dZ %s" % (number, text)


def test_the_log_of_a_container_is_cut_but_its_lines_are_read(tmp_path: Path, limit: int) -> None:
    frames = [frame(number, b"x" * 99 + b"\n") for number in range(1, 1001)]
    log, lines, lost = follow(Client(frames, lambda: None), tmp_path / "c.log")
    log.await_end(10.0)
    log.close()
    assert len(lines) == 1000
    assert lost == []
    assert limit < (tmp_path / "c.log").stat().st_size < limit + 200
    assert b"this log is cut here" in (tmp_path / "c.log").read_bytes()


def test_a_log_of_a_container_that_cannot_be_read_has_lost_lines(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("the engine is gone")

    log, lines, lost = follow(Client([frame(1, b"one\n")], fail), tmp_path / "c.log")
    log.await_end(10.0)
    assert lines == [b"one"]
    assert lost == ["lost"]


@pytest.mark.parametrize(("ages", "expected"), [((0, 9), ["lost"]), ((9, 9), []), ((9, 0), [])])
def test_a_log_of_a_container_whose_reading_is_behind_at_the_end_has_lost_lines(
    tmp_path: Path, ages: tuple[int, int], expected: list[str]
) -> None:
    """`ages` are the seconds between the writing and the reading of each line."""
    waiting = Event()

    def wait() -> None:
        waiting.set()
        client.closed.wait()

    now = time.time()
    stamps = [datetime.fromtimestamp(now - age, UTC).strftime("%FT%T.%f") for age in ages]
    client = Client([f"{stamp}Z line\n".encode() for stamp in stamps], wait)
    log, lines, lost = follow(client, tmp_path / "c.log")
    assert waiting.wait(10.0)
    log._read_at = time.time()  # also on a slow machine
    log.close()
    assert len(lines) == 2
    assert lost == expected


def test_a_line_of_a_container_without_an_end_is_split() -> None:
    frames = [frame(number, b"x" * 16384) for number in range(1, 201)]
    texts = [text for _, text in stamped_lines(iter(frames))]
    assert sum(map(len, texts)) == 200 * 16384
    assert max(map(len, texts)) < 2 << 20
