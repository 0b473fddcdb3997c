"""kill -9 of a harness whose stack is in containers: its watchdog reverts every fault."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from harness.chaos import outstanding
from harness.stack import sweep

from .conftest import until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fault_owner(engine: docker.DockerClient, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.container_fault_owner", str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()
    sweep(tmp_path)


def test_the_watchdog_reverts_the_container_faults_of_a_killed_harness(
    engine: docker.DockerClient, fault_owner: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    assert fault_owner.stdout is not None
    ids = json.loads(fault_owner.stdout.readline())
    gate, desk, visa = (engine.containers.get(ids[name]) for name in ("gate", "desk", "visa"))
    assert gate.status == "paused"
    assert desk.attrs["NetworkSettings"]["Networks"] == {}
    assert visa.attrs["HostConfig"]["CpuQuota"] == 5000

    fault_owner.send_signal(signal.SIGKILL)
    fault_owner.wait()
    until(lambda: not outstanding(tmp_path))
    log = tmp_path / "watchdog.log"
    until(lambda: "its disk is no longer full" in log.read_text())  # logged when all is done

    for container in (gate, desk, visa):
        container.reload()
    assert gate.status == "running"
    assert len(desk.attrs["NetworkSettings"]["Networks"]) == 1
    assert visa.attrs["HostConfig"]["CpuQuota"] == -1
    for line in (
        "gate: resumed",
        "desk: connected to default again",
        "visa: may use as much CPU as before",
        "border: its disk is no longer full",
    ):
        assert line in log.read_text()

    removed = sweep(tmp_path)
    assert sum(line.startswith("container ") for line in removed) == len(ids) + 1
    assert sum(line.startswith("volume ") for line in removed) == 3
    label = f"org.outage-harness.state={tmp_path.resolve()}"
    assert engine.containers.list(all=True, filters={"label": label}) == []
    assert engine.volumes.list(filters={"label": label}) == []
    assert engine.networks.list(filters={"label": label}) == []
