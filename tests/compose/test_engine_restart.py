"""The Docker engine itself ends during a run, and is started again.

All containers end with it, so this test runs alone, and only if HARNESS_DOCKERD names a file with
the pid of an engine that the test may end (`.ci/run` starts one):

    HARNESS_DOCKERD=/tmp/dockerd.pid pytest tests/compose/test_engine_restart.py
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from harness.errors import ExitCode
from tests.run.short import errors, faults

from .conftest import Harness
from .kit import eventually, resources_of, running_short

SOCKET = "/var/run/docker.sock"
PID = os.environ.get("HARNESS_DOCKERD", "")

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not PID, reason="HARNESS_DOCKERD names no engine that may be ended"),
]


class Engine:
    """A dockerd that can be ended, and started again with the same command."""

    def __init__(self, file: Path) -> None:
        self._file = file
        pid = file.read_text().strip()
        words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")[:-1]
        self._command = [os.fsdecode(word) for word in words]

    def end(self) -> None:
        """Send SIGTERM, which ends its containers, and wait until the process has exited.

        It closes its connections before that.
        """
        pid = int(self._file.read_text())
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: _has_ended(pid))

    def start(self) -> None:
        """Start it, and wait until it answers requests."""
        with self._file.with_suffix(".log").open("ab") as log:
            process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._file.write_text(f"{process.pid}\n")
        process.returncode = 0  # it outlives the tests, so Popen must not warn about it
        eventually(is_answering)


def _has_ended(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def is_answering() -> bool:
    """Return True if the engine answers. The SDK would leak a socket for each failure."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(SOCKET)
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


@pytest.fixture
def dockerd() -> Iterator[Engine]:
    """The engine; it is started again after the test."""
    engine = Engine(Path(PID))
    yield engine
    if not is_answering():
        engine.start()


def test_the_end_of_the_engine_ends_the_run_and_heal_removes_the_rest(
    *,
    engine: docker.DockerClient,
    dockerd: Engine,
    shop: Path,
    shop_environment: dict[str, str],
    harness: Harness,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    with running_short(shop, run, shop_environment) as running:
        dockerd.end()
        output = running.communicate(timeout=120)[0]

    assert running.returncode == ExitCode.BROKEN, output
    assert "exited unexpectedly" in output
    assert "harness heal does it later" in output
    assert "Traceback" not in output
    assert not errors(run).unhealed
    assert faults(run)[-1] == "healed"
    assert (run / "report.html").is_file()

    dockerd.start()
    healed = harness("heal")
    assert healed.returncode == ExitCode.PASS, healed.stdout + healed.stderr
    assert resources_of(engine, run) == []
