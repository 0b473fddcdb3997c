"""However a run in containers ends: its exit code says how, its evidence is kept, `harness heal`
removes what is its own and nothing else.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import docker
import msgspec
import pytest
from docker.models.containers import Container

from harness.errors import ExitCode
from harness.history import Fault, History
from harness.run import Trouble

from .conftest import command

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

Harness = Callable[..., subprocess.CompletedProcess[str]]

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


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Where the run's evidence is."""
    return tmp_path / "run"


@pytest.fixture
def running(
    shop: Path, run: Path, harness: Harness, shop_environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """`harness run short --on compose`, in its own process, while its fault is seen to bite."""
    assert harness  # cleans up after everything
    (shop / "experiments" / "short.scenario.yaml").write_text(SCENARIO)
    with subprocess.Popen(
        command("run", "short", "--on", "compose", "--stack", shop, "--out", run),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=shop_environment,
    ) as process:  # fmt: skip
        eventually(lambda: "verified" in faults(run) or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
        yield process
        process.kill()


@pytest.fixture
def stranger(engine: docker.DockerClient, running: object, run: Path) -> Iterator[Container]:
    """Somebody else's container, by name and even by Compose's labels one of the run's project."""
    assert running
    project = (run / "compose.project").read_text().strip()
    container = engine.containers.run(
        "outage-harness/services:local",
        ["sleep", "300"],
        name=f"{project}-shop-2",
        labels={"com.docker.compose.project": project, "com.docker.compose.service": "shop"},
        detach=True,
    )
    yield container
    container.remove(force=True)


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


def test_after_kill_9_heal_removes_all_that_is_the_runs_and_nothing_else(
    engine: docker.DockerClient,
    running: subprocess.Popen[str],
    stranger: Container,
    harness: Harness,
    run: Path,
) -> None:
    running.kill()
    running.wait()
    left = left_of(engine, run)
    assert len(left) > 5, left  # four containers, a network, volumes

    healed = harness("heal")

    assert healed.returncode == ExitCode.PASS, healed.stdout + healed.stderr
    assert left_of(engine, run) == []
    stranger.reload()
    assert stranger.status == "running"
    assert harness("heal").stdout == "nothing was left\n"
    judged = subprocess.run(command("judge", run), capture_output=True, text=True, check=False)
    assert judged.returncode == ExitCode.BROKEN, judged.stdout + judged.stderr
    assert "cut short" in judged.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_heals_and_removes_itself(
    engine: docker.DockerClient,
    running: subprocess.Popen[str],
    run: Path,
    number: signal.Signals,
) -> None:
    running.send_signal(number)
    output = running.communicate(timeout=90)[0]

    assert running.returncode == ExitCode.INCONCLUSIVE, output
    assert trouble(run).interrupted == f"interrupted by {number.name}"
    assert faults(run)[-1] == "healed"
    assert left_of(engine, run) == []
    assert (run / "report.html").is_file()


@pytest.mark.parametrize("victim", ["toxiproxy", "pay", "worker"])
def test_a_container_that_dies_unasked_ends_the_run_and_is_named(
    engine: docker.DockerClient, running: subprocess.Popen[str], run: Path, victim: str
) -> None:
    container(engine, run, victim).kill()

    output = running.communicate(timeout=90)[0]

    assert running.returncode == ExitCode.BROKEN, output
    assert f"{victim} exited although nobody asked it to: killed by SIGKILL" in output
    assert trouble(run).broken
    assert not trouble(run).unhealed
    assert left_of(engine, run) == []
    assert (run / "report.html").is_file()
    assert "Traceback" not in output


def test_what_a_container_said_last_is_told(
    shop: Path, run: Path, harness: Harness, engine: docker.DockerClient
) -> None:
    (shop / "experiments" / "short.scenario.yaml").write_text(SCENARIO)
    (shop / "pay.pl").write_text('die "no vault today\\n";\n')

    done = harness("run", "short", "--on", "compose", "--out", run)

    assert done.returncode == ExitCode.BROKEN, done.stdout + done.stderr
    assert "no vault today" in done.stdout
    assert left_of(engine, run) == []
