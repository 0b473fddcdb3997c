"""After any crash, no process, port, directory or shared memory of a stack is left."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stack_rig import TINY, eventually

from harness.stack import sweep
from harness.stack.local import _process
from harness.stack.local._state import LABEL, Owned, StateDir

pytestmark = pytest.mark.stack


class Remains:
    """Everything that a running stack owns, recorded while it runs, to check for afterwards."""

    def __init__(self, state_dir: Path) -> None:
        self.state = StateDir(state_dir)
        owned = self.state.owned()
        self.processes = {one.name: one for one in owned if one.pid}
        self._tree = _process.process_tree([one.pid for one in owned if one.pid])
        self._paths = [Path(one.path) for one in owned if one.path]
        plan = json.loads(self.state.state.read_bytes())["plan"]
        self._ports = [*plan["ports"].values(), *plan["links"].values(), plan["api"]]
        assert len(self._tree) > 10, "the stack does not run"
        assert self._paths
        assert shared_memory({one.pid for one in self._tree}), "PostgreSQL has no segment"

    def left(self) -> list[str]:
        """Return what is left of it."""
        found = [f"pid {p.pid}" for p in self._tree if _process.is_alive(p.pid, p.start)]
        found += [f"pid {p.pid}" for p in _process.labelled(LABEL, str(self.state.root))]
        found += [str(path) for path in self._paths if path.exists()]
        found += [path.name for path in self.state.root.iterdir() if path.name != "logs"]
        found += [f"shared memory {id_}" for id_ in shared_memory({p.pid for p in self._tree})]
        for port in self._ports:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    found.append(f"port {port}")
        return found


@contextmanager
def harness_process(state_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Start another harness process, and wait until its stack is ready."""
    script = Path(__file__).with_name("crashing.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(state_dir), str(TINY)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
            sweep(state_dir)


def shared_memory(creators: Collection[int]) -> list[str]:
    """Return the ids of the System V segments that these processes have created."""
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return [fields[1] for line in lines if int((fields := line.split())[4]) in creators]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_stack_ends_when_the_harness_ends(number: signal.Signals, tmp_path: Path) -> None:
    with harness_process(tmp_path) as harness:
        remains = Remains(tmp_path)

        harness.send_signal(number)

        harness.wait(20)
        eventually(lambda: not remains.left())
        assert sweep(tmp_path) == []


@pytest.mark.parametrize("victim", ["supervisor", "reaper"])
def test_stack_ends_when_its_supervisor_or_reaper_is_killed(victim: str, tmp_path: Path) -> None:
    with harness_process(tmp_path):
        remains = Remains(tmp_path)

        os.kill(remains.processes[victim].pid, signal.SIGKILL)

        services = [one for name, one in remains.processes.items() if name != "reaper"]
        eventually(lambda: not any(_process.is_alive(one.pid, one.start) for one in services))
        sweep(tmp_path)
        # The reaper releases its lock last, and ends a moment later.
        eventually(lambda: not remains.left())


def test_sweep_removes_what_supervisor_and_reaper_left(tmp_path: Path) -> None:
    with harness_process(tmp_path) as harness:
        remains = Remains(tmp_path)
        for name in ("reaper", "supervisor"):  # so that neither cleans up
            os.kill(remains.processes[name].pid, signal.SIGSTOP)
        harness.kill()
        harness.wait()
        for name in ("reaper", "supervisor"):
            os.kill(remains.processes[name].pid, signal.SIGKILL)
        eventually(lambda: not _process.is_alive(*_identity(remains.processes["reaper"])))

        swept = sweep(tmp_path)

        assert any(line.startswith("database (/") for line in swept), swept
        assert remains.left() == []
        assert sweep(tmp_path) == []


def test_sweep_kills_a_stack_that_does_not_respond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.stack.local._sweep._LOCK_TIMEOUT", 0.2)
    with harness_process(tmp_path) as harness:
        remains = Remains(tmp_path)
        for name in ("reaper", "supervisor"):
            os.kill(remains.processes[name].pid, signal.SIGSTOP)
        harness.kill()

        swept = sweep(tmp_path)

        assert any(line.startswith("front (pid ") for line in swept), swept
        assert remains.left() == []


def test_sweep_does_not_touch_a_running_stack(tmp_path: Path) -> None:
    with harness_process(tmp_path):
        remains = Remains(tmp_path)

        assert sweep(tmp_path) == []

        assert all(_process.is_alive(*_identity(one)) for one in remains.processes.values())


def test_sweep_does_not_kill_a_process_that_reuses_a_pid(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as unrelated:
        try:
            process = _process.find(unrelated.pid)
            assert process is not None
            state = StateDir(tmp_path)
            state.own(Owned(name="front", pid=process.pid, start=process.start - 1))

            assert sweep(tmp_path) == []
            assert _process.is_alive(process.pid, process.start)
        finally:
            unrelated.kill()


def test_sweep_of_a_missing_directory_does_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "no" / "such") == []
    assert not (tmp_path / "no").exists()


def _identity(owned: Owned) -> tuple[int, int]:
    return owned.pid, owned.start
