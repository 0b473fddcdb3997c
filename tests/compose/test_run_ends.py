"""The ends of a run in containers: the exit code, the evidence, and what is left on the engine."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from harness.errors import ExitCode
from tests.run.short import errors, faults

from .conftest import Harness, command
from .kit import container, resources_of, running_short, write_short

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The directory for the run's evidence."""
    return tmp_path / "run"


@pytest.fixture
def running(
    shop: Path,
    run: Path,
    harness: Harness,  # removes whatever is left
    shop_environment: dict[str, str],
) -> Iterator[subprocess.Popen[str]]:
    """The process of `harness run short --on compose`, whose fault is verified."""
    with running_short(shop, run, shop_environment) as process:
        yield process


@pytest.fixture
def foreign_container(
    engine: docker.DockerClient, running: object, run: Path
) -> Iterator[Container]:
    """A container without the harness's label, but with the name and Compose labels of the run."""
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
    container.remove(v=True, force=True)


def test_after_kill_9_heal_removes_all_resources_of_the_run_and_no_others(
    engine: docker.DockerClient,
    running: subprocess.Popen[str],
    foreign_container: Container,
    harness: Harness,
    run: Path,
) -> None:
    running.kill()
    running.wait()
    left = resources_of(engine, run)
    assert len(left) > 5, left  # four containers, a network, volumes

    healed = harness("heal")

    assert healed.returncode == ExitCode.PASS, healed.stdout + healed.stderr
    assert resources_of(engine, run) == []
    foreign_container.reload()
    assert foreign_container.status == "running"
    assert harness("heal").stdout == "nothing was left\n"
    judged = subprocess.run(command("judge", run), capture_output=True, text=True, check=False)
    assert judged.returncode == ExitCode.BROKEN, judged.stdout + judged.stderr
    assert "cut short" in judged.stdout


def test_heal_works_after_the_toxiproxy_has_ended_too(
    engine: docker.DockerClient, running: subprocess.Popen[str], harness: Harness, run: Path
) -> None:
    """Connections to the address of the dead Toxiproxy time out; they are not refused."""
    running.send_signal(signal.SIGSTOP)  # so that it does not notice the exit and clean up
    container(engine, run, "toxiproxy").kill()
    running.kill()
    running.wait()

    healed = harness("heal")

    assert healed.returncode == ExitCode.PASS, healed.stdout + healed.stderr
    assert resources_of(engine, run) == []
    assert harness("heal").stdout == "nothing was left\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_heals_its_fault_and_removes_its_containers(
    engine: docker.DockerClient,
    running: subprocess.Popen[str],
    run: Path,
    number: signal.Signals,
) -> None:
    running.send_signal(number)
    output = running.communicate(timeout=90)[0]

    assert running.returncode == ExitCode.INCONCLUSIVE, output
    assert errors(run).interrupted == f"interrupted by {number.name}"
    assert faults(run)[-1] == "healed"
    assert resources_of(engine, run) == []
    assert (run / "report.html").is_file()


@pytest.mark.parametrize("victim", ["toxiproxy", "pay", "worker"])
def test_an_unplanned_exit_of_a_container_ends_the_run_and_is_reported(
    engine: docker.DockerClient, running: subprocess.Popen[str], run: Path, victim: str
) -> None:
    container(engine, run, victim).kill()

    output = running.communicate(timeout=90)[0]

    assert running.returncode == ExitCode.BROKEN, output
    assert f"{victim} exited unexpectedly: killed by SIGKILL" in output
    assert errors(run).broken
    assert not errors(run).unhealed
    assert resources_of(engine, run) == []
    assert (run / "report.html").is_file()
    assert "Traceback" not in output


def test_the_last_log_lines_of_a_failed_container_are_reported(
    shop: Path, run: Path, harness: Harness, engine: docker.DockerClient
) -> None:
    write_short(shop)
    (shop / "pay.pl").write_text('die "no vault today\\n";\n')

    done = harness("run", "short", "--on", "compose", "--out", run)

    assert done.returncode == ExitCode.BROKEN, done.stdout + done.stderr
    assert "no vault today" in done.stdout
    assert resources_of(engine, run) == []
