"""The intent file: every change is on disk before it is made."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.chaos import Chaos, ChaosError
from harness.chaos._intents import FILE_NAME, Intent, Intents, outstanding
from harness.chaos._processes import Process, identify, process_tree
from harness.errors import HarnessError
from harness.history import Fault as FaultEvent

from .conftest import states
from .fake_stack import FakeStack

INTENT = Intent("1", "f1", "toxic", "127.0.0.1:1", "gate-visa", "harness-f1", "a:1", "b:2")
PAUSE = Intent("2", "f2", "pause", "local", "gate", processes=(Process(4, 99), Process(5, 99)))


def test_intents_that_are_not_undone_are_outstanding(tmp_path: Path) -> None:
    intents = Intents(tmp_path)
    intents.begin([INTENT, PAUSE])
    intents.mark([INTENT], "done")
    assert outstanding(tmp_path) == [INTENT, PAUSE]
    intents.mark([INTENT], "undone")
    intents.close()
    intents.close()
    assert outstanding(tmp_path) == [PAUSE]


def test_nothing_is_outstanding_in_a_folder_without_intents(tmp_path: Path) -> None:
    assert outstanding(tmp_path) == []
    assert outstanding(tmp_path / "nowhere") == []


def test_an_intent_is_on_disk_before_the_change(chaos: Chaos, stack: FakeStack) -> None:
    seen: list[list[str]] = []
    disable = chaos._links._server.disable

    def watched(name: str) -> None:
        seen.append([intent.name for intent in outstanding(chaos.directory)])
        disable(name)

    chaos._links._server.disable = watched  # type: ignore[method-assign]
    chaos.cut("gate-visa", "desk-gate").heal()
    assert seen
    assert all(set(names) == {"gate-visa", "desk-gate"} for names in seen)
    assert outstanding(chaos.directory) == []


def test_an_incomplete_line_is_skipped_and_the_next_one_is_not_appended_to_it(
    tmp_path: Path,
) -> None:
    intents = Intents(tmp_path)
    intents.begin([INTENT])
    intents.close()
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"state": "begin", "id": "9", "fau')
    again = Intents(tmp_path)
    again.begin([PAUSE])
    again.close()
    assert outstanding(tmp_path) == [INTENT, PAUSE]


@pytest.mark.parametrize("line", ["17", "[]", "null", '{"id": "1"}', "\x00\x00"])
def test_lines_that_are_no_intents_are_skipped(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE_NAME).write_text(f"{line}\n")
    assert outstanding(tmp_path) == []


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(HarnessError, match=r"faults\.jsonl: cannot be read: Is a directory"):
        outstanding(tmp_path)
    with pytest.raises(ChaosError, match=r"faults\.jsonl: cannot be written: Is a directory"):
        Intents(tmp_path)


def test_nothing_is_changed_if_the_disk_is_full(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent]
) -> None:
    path = chaos.directory / FILE_NAME
    with (
        FileSizeLimit(path.stat().st_size + 40),
        pytest.raises(ChaosError, match=r"could not be written \(File too large\), so nothing"),
    ):
        chaos.fault("cut", site="center")
    assert states(events) == ["asked", "unverified", "healed"]
    assert all(proxy.enabled for proxy in stack.toxics.proxies().values())
    assert path.read_bytes() == b""
    assert chaos.cut("gate-visa").verified


def test_a_fault_can_be_healed_if_the_disk_is_full(chaos: Chaos, stack: FakeStack) -> None:
    cut = chaos.cut("gate-visa")
    slow = chaos.fault("delay", link="desk-gate", latency="100ms")
    with FileSizeLimit((chaos.directory / FILE_NAME).stat().st_size):
        cut.heal()
        slow.heal()
    assert cut.state == slow.state == "healed"
    assert stack.toxics.toxics("desk-gate") == ()


class FileSizeLimit:
    """Files of this process cannot grow beyond `size` bytes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


def test_lines_are_json(tmp_path: Path) -> None:
    intents = Intents(tmp_path)
    intents.begin([PAUSE])
    intents.close()
    record = json.loads((tmp_path / FILE_NAME).read_text())
    assert record.pop("t") > 0
    assert record == {
        "state": "begin",
        "id": "2",
        "fault": "f2",
        "change": "pause",
        "where": "local",
        "name": "gate",
        "processes": [{"pid": 4, "start": 99}, {"pid": 5, "start": 99}],
    }


def test_a_process_is_identified_by_pid_and_start_time() -> None:
    me = identify(os.getpid())
    assert me.is_alive
    assert not Process(me.pid, me.start + 1).is_alive
    assert me in process_tree(me.pid)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = identify(child.pid)
        assert started in process_tree(me.pid)
        os.kill(child.pid, signal.SIGSTOP)
        is_alive = started.is_alive
        assert is_alive
        assert started.resume()
        child.communicate(b"\n")
    assert not started.is_alive
    assert not started.resume()
