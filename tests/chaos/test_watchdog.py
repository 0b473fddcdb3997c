"""The watchdog heals the faults of a harness that was killed or hangs."""

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
from harness.chaos._lease import Lease, mark_lapsed, read_lease, start_watchdog
from harness.chaos.watchdog import watch

from .conftest import until
from .fake_stack import FakeStack

ROOT = Path(__file__).parents[2]


class FaultOwner:
    """A process with active faults on `server`."""

    def __init__(self, server: str, state_dir: Path, lease: float = 60.0) -> None:
        self.directory = state_dir
        self.toxics = Toxiproxy(server)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.fault_owner", server, str(state_dir), str(lease)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        message = self.read_message()
        self.pids: list[int] = message["pids"]
        self.links: dict[str, str] = message["links"]

    def read_message(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def active_faults(self) -> list[str]:
        """Return every fault that Toxiproxy and the kernel show."""
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
    """Return the state of a process, `T` if it is stopped; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@pytest.fixture
def owner(server: str, tmp_path: Path) -> Iterator[FaultOwner]:
    made = FaultOwner(server, tmp_path)
    yield made
    made.end()


@pytest.fixture
def owner_with_short_lease(server: str, tmp_path: Path) -> Iterator[FaultOwner]:
    """Yield a process that counts as hung after two seconds."""
    made = FaultOwner(server, tmp_path, 2.0)
    yield made
    made.end()


def log(directory: Path) -> str:
    return (directory / "watchdog.log").read_text()


def test_faults_of_a_harness_that_was_killed_are_healed(owner: FaultOwner) -> None:
    assert len(owner.active_faults()) == 5
    os.kill(owner.process.pid, signal.SIGKILL)
    owner.process.wait()
    until(lambda: not outstanding(owner.directory))
    assert owner.active_faults() == []
    until(lambda: "border: resumed" in log(owner.directory))
    assert f"process {owner.process.pid} is gone: healing" in log(owner.directory)
    assert "gate-visa: enabled it again" in log(owner.directory)


def test_faults_of_a_harness_that_hangs_are_healed_and_it_can_inject_no_more(
    owner_with_short_lease: FaultOwner,
) -> None:
    os.kill(owner_with_short_lease.process.pid, signal.SIGSTOP)
    until(lambda: not outstanding(owner_with_short_lease.directory))
    assert owner_with_short_lease.active_faults() == []
    os.kill(owner_with_short_lease.process.pid, signal.SIGCONT)
    owner_with_short_lease.send("inject")
    assert "watchdog after 2 s without a heartbeat" in owner_with_short_lease.read_message()
    owner_with_short_lease.send("end")
    assert owner_with_short_lease.process.wait(timeout=60) == 0
    assert "sent no heartbeat for 2 s: healing" in log(owner_with_short_lease.directory)


def test_a_harness_that_ends_normally_leaves_nothing_to_heal(owner: FaultOwner) -> None:
    owner.send("end")
    assert owner.process.wait(timeout=60) == 0
    assert outstanding(owner.directory) == []
    assert sorted(path.name for path in owner.directory.iterdir()) == ["faults.jsonl"]


def test_heal_reverts_everything_if_the_watchdog_was_killed_too(owner: FaultOwner) -> None:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = path.read_bytes().split(b"\0")
            if (
                str(owner.directory).encode() in arguments
                and b"harness.chaos.watchdog" in arguments
            ):
                os.kill(int(path.parent.name), signal.SIGKILL)
    os.kill(owner.process.pid, signal.SIGKILL)
    owner.process.wait()
    assert len(owner.active_faults()) == 5
    text = "\n".join(heal(owner.directory))
    assert owner.active_faults() == []
    assert "gate-visa: enabled it again" in text
    assert "desk-gate: removed harness-" in text
    assert "border: resumed (1 processes)" in text
    assert heal(owner.directory) == []


def test_heal_during_a_run_ends_its_lease(owner: FaultOwner) -> None:
    lines = heal(owner.directory)
    assert lines[0].startswith(f"process {owner.process.pid} still runs with these faults")
    assert owner.active_faults() == []
    owner.send("inject")
    assert "healed from outside, by `harness heal`" in owner.read_message()
    owner.send("end")
    assert owner.process.wait(timeout=60) == 0


def test_a_folder_with_active_faults_cannot_be_used_twice(chaos: Chaos, stack: FakeStack) -> None:
    with pytest.raises(ChaosError, match=r"has active faults in this folder; wait for its end"):
        Chaos(stack, chaos.directory).start()
    assert chaos.cut("gate-visa").verified


def test_the_watchdog_ends_with_the_lease(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    lease.start()
    watchdog = start_watchdog(tmp_path, timeout=60)
    lease_state = read_lease(tmp_path)
    assert lease_state is not None
    assert lease_state.owner.pid == os.getpid()
    until(lambda: read_lease(tmp_path) != lease_state)
    lease.release()
    assert watchdog.wait(timeout=30) == 0
    assert log(tmp_path) == ""
    assert read_lease(tmp_path) is None


def test_a_lapsed_lease_is_not_renewed(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    lease.start()
    is_lapsed = lease.is_lapsed
    assert not is_lapsed
    mark_lapsed(tmp_path)
    assert lease.is_lapsed
    lease.release()
    again = Lease(tmp_path)
    again.start()
    assert not again.is_lapsed
    again.release()


def test_the_watchdog_ends_without_a_lease(tmp_path: Path) -> None:
    assert watch(tmp_path, 1.0) == ""


def test_the_watchdog_imports_no_large_packages() -> None:
    """It starts with every run, and imports pydantic and requests only when it heals."""
    code = (
        "import sys, harness.chaos.watchdog; "
        "print({'pydantic', 'requests', 'toxiproxy', 'msgspec', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
