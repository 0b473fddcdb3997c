"""Detached stacks, which outlive the process that starts them: `harness up`, `logs`, `down`."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack_rig import TINY

from harness.errors import StackError, UsageError
from harness.run import heal_everything
from harness.stack import (
    Settings,
    attach,
    detached_state,
    get_backend,
    print_logs,
    start_detached,
    stop_detached,
)
from harness.stack.local import _process
from harness.stack.local._state import LABEL

pytestmark = pytest.mark.stack

UP = """
import sys
from pathlib import Path
from harness.stack import Settings, get_backend, start_detached
start_detached(Path(sys.argv[1]), Settings(pace=60), get_backend(sys.argv[2]))
"""

SERVICES = ("front", "shelf", "database", "ticker")


@pytest.fixture(params=["local", "compose"])
def on(request: pytest.FixtureRequest) -> str:
    """The name of a backend."""
    if request.param == "compose":
        request.getfixturevalue("engine")
    return str(request.param)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A copy of the tiny stack, because its state is kept in its directory."""
    copy = tmp_path / "tiny"
    shutil.copytree(TINY, copy, ignore=shutil.ignore_patterns("__pycache__", ".harness"))
    yield copy
    stop_detached(copy)


def test_up_status_kill_launch_logs_down(directory: Path, on: str) -> None:
    subprocess.run([sys.executable, "-c", UP, str(directory), on], check=True, timeout=60)

    stack = attach(directory)
    assert stack.backend == on
    assert [(one.service, one.state, one.ready) for one in stack.status()] == [
        (name, "running", True) for name in SERVICES
    ]
    address = stack.address("front")
    stack.kill("front")
    stack.detach()

    again = attach(directory)
    assert again.status()[0].detail == "killed by SIGKILL"
    again.launch("front")
    assert again.address("front") == address
    assert again.versions()["postgresql"]
    again.detach()

    written: list[str] = []
    print_logs(directory, ["front"], follow=False, write=written.append)
    started = 'front | {"event": "mode", "mode": "automatic"}\n'
    assert [line for line in written if '"mode"' in line] == [started] * 2

    stop_detached(directory)
    assert _process.labelled(LABEL, str(detached_state(directory))) == []
    left = {path.name for path in detached_state(directory).iterdir()}
    assert left <= {"logs", "compose.override.yml"}
    with pytest.raises(StackError, match="no stack runs here; start one: harness up"):
        attach(directory)


def test_only_the_owner_can_read_the_state_whatever_the_umask(directory: Path, on: str) -> None:
    state = detached_state(directory)
    umask = os.umask(0)
    try:
        state.mkdir(parents=True)
        start_detached(directory, Settings(), get_backend(on)).detach()
    finally:
        os.umask(umask)
    secret = ["state.json", *(["compose.override.yml"] if on == "compose" else [])]
    modes = {name: oct(stat.S_IMODE((state / name).stat().st_mode)) for name in secret}
    assert modes == dict.fromkeys(secret, "0o600")
    assert oct(stat.S_IMODE(state.stat().st_mode)) == "0o700"


def test_second_start_is_refused_and_leaves_the_first_stack_running(
    directory: Path, on: str
) -> None:
    start_detached(directory, Settings(), get_backend(on)).detach()

    for again in ("local", on):
        with pytest.raises(
            StackError, match="a stack is already running here; stop it: harness down"
        ):
            start_detached(directory, Settings(), get_backend(again))

    stack = attach(directory)
    assert stack.backend == on
    assert all(one.ready for one in stack.status())
    stack.detach()


def test_heal_does_not_stop_a_detached_stack(directory: Path, on: str) -> None:
    start_detached(directory, Settings(), get_backend(on)).detach()

    assert heal_everything(directory) == ["nothing was left"]
    stack = attach(directory)
    assert all(one.ready for one in stack.status())
    stack.detach()


def test_stop_without_a_stack_is_not_an_error(directory: Path) -> None:
    stop_detached(directory)
    stop_detached(directory)


def test_logs_without_a_stack_say_how_to_start_one(directory: Path) -> None:
    with pytest.raises(StackError, match=r"stack: no stack has run here; start one: harness up"):
        print_logs(directory, ["front"], follow=False, write=print)


def test_logs_of_an_unknown_service_are_a_usage_error(directory: Path, on: str) -> None:
    start_detached(directory, Settings(), get_backend(on)).detach()

    with pytest.raises(UsageError, match=r"bank: has no (log|container).*; one of database, front"):
        print_logs(directory, ["bank"], follow=False, write=print)
