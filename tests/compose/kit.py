"""What the tests of runs in containers hold them with."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import msgspec
from docker.models.containers import Container

from harness.history import Fault, History
from harness.run import Trouble

from .conftest import command

SCENARIO = """
name: short
title: A cut in the middle of a short day
pace: 120
load: {journeys: customers, duration: 40m, params: {orders_per_minute: 6}}
timeline:
  - {name: gone, at: 4m, fault: cut, on: {to: pay}, for: 34m}
settle: 30m
expect: [faults_bite, quiesced]
"""


def write_short(shop: Path) -> None:
    """Give the shop the scenario `short`."""
    (shop / "experiments" / "short.scenario.yaml").write_text(SCENARIO)


@contextmanager
def running_short(
    shop: Path, run: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """`harness run short --on compose`, in its own process, while its fault is seen to bite."""
    write_short(shop)
    with subprocess.Popen(
        command("run", "short", "--on", "compose", "--stack", shop, "--out", run),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    ) as process:  # fmt: skip
        try:
            eventually(lambda: "verified" in faults(run) or process.poll() is not None)
            assert process.poll() is None, process.communicate()[0]
            yield process
        finally:
            process.kill()


def faults(run: Path) -> list[str]:
    """The states of the faults so far."""
    with suppress(Exception):
        return [event.state for event in History.read(run).of(Fault)]
    return []


def eventually(condition: Callable[[], bool], limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"did not come true in {limit} s"
        time.sleep(0.05)


def left_of(engine: docker.DockerClient, run: Path) -> list[str]:
    """Everything on the engine that bears the run's label."""
    ours = {"label": f"org.outage-harness.state={run}"}
    everything = (
        engine.containers.list(all=True, filters=ours, ignore_removed=True),
        engine.networks.list(filters=ours),
        engine.volumes.list(filters=ours),
    )
    return [str(one.name) for kind in everything for one in kind]


def trouble(run: Path) -> Trouble:
    return msgspec.json.decode((run / "trouble.json").read_bytes(), type=Trouble)


def container(engine: docker.DockerClient, run: Path, service: str) -> Container:
    labels = [f"org.outage-harness.state={run}", f"com.docker.compose.service={service}"]
    (found,) = engine.containers.list(filters={"label": labels})
    return found
