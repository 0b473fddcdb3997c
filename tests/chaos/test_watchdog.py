"""What is left of a harness that was killed, or hangs: nothing."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.chaos import Chaos, ChaosError, Toxiproxy, heal
from harness.chaos._intents import outstanding
from harness.chaos._lease import Lease, declare_lapsed, read_lease, start_watchdog
from harness.chaos.watchdog import watch

from .conftest import until
from .fake_stack import FakeStack

ROOT = Path(__file__).parents[2]


class Holder:
    """A process that holds faults on `server`."""

    def __init__(self, server: str, state_dir: Path, lease: float = 60.0) -> None:
        self.directory = state_dir
        self.toxics = Toxiproxy(server)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.holder", server, str(state_dir), str(lease)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        held = self.heard()
        self.pids: list[int] = held["pids"]
        self.links: dict[str, str] = held["links"]

    def heard(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def in_force(self) -> list[str]:
        """Every fault that can be found in the world."""
        proxies = self.toxics.proxies()
        disabled = [name for name in self.links if not proxies[name].enabled]
        toxics = [f"{name}/{toxic}" for name in self.links for toxic in self.toxics.toxics(name)]
        stopped = [f"pid {pid}" for pid in self.pids if state(pid) == "T"]
        return disabled + toxics + stopped

    def end(self) -> None:
        with contextlib.suppress(OSError):
            os.kill(self.process.pid, signal.SIGCONT)
        self.process.kill()
        self.process.communicate()
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for name in self.links:
            self.toxics.destroy(name)
        self.toxics.close()


def state(pid: int) -> str:
    """`T` for a stopped process, empty for none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@pytest.fixture
def holder(server: str, tmp_path: Path) -> Iterator[Holder]:
    made = Holder(server, tmp_path)
    yield made
    made.end()


@pytest.fixture
def hasty(server: str, tmp_path: Path) -> Iterator[Holder]:
    """One that is taken for hung after two seconds."""
    made = Holder(server, tmp_path, 2.0)
    yield made
    made.end()


def log(directory: Path) -> str:
    return (directory / "watchdog.log").read_text()


def test_faults_of_a_harness_that_was_killed_are_healed(holder: Holder) -> None:
    assert len(holder.in_force()) == 5
    os.kill(holder.process.pid, signal.SIGKILL)
    holder.process.wait()
    until(lambda: not outstanding(holder.directory))
    assert holder.in_force() == []
    until(lambda: "border: resumed" in log(holder.directory))
    assert f"process {holder.process.pid} is gone: healing" in log(holder.directory)
    assert "gate-visa: enabled it again" in log(holder.directory)


def test_faults_of_a_harness_that_hangs_are_healed_and_it_is_told(hasty: Holder) -> None:
    os.kill(hasty.process.pid, signal.SIGSTOP)
    until(lambda: not outstanding(hasty.directory))
    assert hasty.in_force() == []
    os.kill(hasty.process.pid, signal.SIGCONT)
    hasty.say("inject")
    assert "watchdog after 2 s without a sign of life" in hasty.heard()
    hasty.say("end")
    assert hasty.process.wait(timeout=60) == 0
    assert "gave no sign of life for 2 s: healing" in log(hasty.directory)


def test_a_harness_that_ends_in_order_leaves_nothing_to_the_watchdog(holder: Holder) -> None:
    holder.say("end")
    assert holder.process.wait(timeout=60) == 0
    assert outstanding(holder.directory) == []
    assert sorted(path.name for path in holder.directory.iterdir()) == ["faults.jsonl"]


def test_heal_does_the_same_when_the_watchdog_was_killed_too(holder: Holder) -> None:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if str(holder.directory).encode() in words and b"harness.chaos.watchdog" in words:
                os.kill(int(path.parent.name), signal.SIGKILL)
    os.kill(holder.process.pid, signal.SIGKILL)
    holder.process.wait()
    assert len(holder.in_force()) == 5
    told = "\n".join(heal(holder.directory))
    assert holder.in_force() == []
    assert "gate-visa: enabled it again" in told
    assert "desk-gate: removed harness-" in told
    assert "border: resumed (1 processes)" in told
    assert heal(holder.directory) == []


def test_heal_under_a_run_that_is_under_way_tells_it(holder: Holder) -> None:
    told = heal(holder.directory)
    assert told[0].startswith(f"process {holder.process.pid} still holds these faults")
    assert holder.in_force() == []
    holder.say("inject")
    assert "healed from outside, by `harness heal`" in holder.heard()
    holder.say("end")
    assert holder.process.wait(timeout=60) == 0


def test_a_folder_from_which_faults_are_held_is_not_used_twice(
    chaos: Chaos, stack: FakeStack
) -> None:
    with pytest.raises(ChaosError, match=r"holds faults from here already; await its end"):
        Chaos(stack, chaos.directory).start()
    assert chaos.cut("gate-visa").verified


def test_the_watchdog_ends_with_the_lease(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    lease.start()
    watchdog = start_watchdog(tmp_path, patience=60)
    sign = read_lease(tmp_path)
    assert sign is not None
    assert sign.holder.pid == os.getpid()
    until(lambda: read_lease(tmp_path) != sign)
    lease.release()
    assert watchdog.wait(timeout=30) == 0
    assert log(tmp_path) == ""
    assert read_lease(tmp_path) is None


def test_a_lease_that_lapsed_is_not_taken_up_again(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    lease.start()
    lost = lease.lost
    assert not lost
    declare_lapsed(tmp_path)
    assert lease.lost
    lease.release()
    again = Lease(tmp_path)
    again.start()
    assert not again.lost
    again.release()


def test_without_a_lease_there_is_nothing_to_watch(tmp_path: Path) -> None:
    assert watch(tmp_path, 1.0) == ""


def test_the_watchdog_is_light() -> None:
    """It starts beside every run: neither pydantic nor requests before they are needed."""
    code = (
        "import sys, harness.chaos.watchdog; "
        "print({'pydantic', 'requests', 'toxiproxy', 'msgspec', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
