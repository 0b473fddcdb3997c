"""However a run in containers ends: its exit code says how, its evidence is kept, `harness heal`
removes what is its own and nothing else.
"""

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
    """Where the run's evidence is."""
    return tmp_path / "run"


@pytest.fixture
def running(
    shop: Path,
    run: Path,
    harness: Harness,  # cleans up after everything
    shop_environment: dict[str, str],
) -> Iterator[subprocess.Popen[str]]:
    """`harness run short --on compose`, in its own process, while its fault is seen to bite."""
    with running_short(shop, run, shop_environment) as process:
        yield process


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
    container.remove(v=True, force=True)


def test_after_kill_9_heal_removes_all_that_is_the_runs_and_nothing_else(
    engine: docker.DockerClient,
    running: subprocess.Popen[str],
    stranger: Container,
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
    stranger.reload()
    assert stranger.status == "running"
    assert harness("heal").stdout == "nothing was left\n"
    judged = subprocess.run(command("judge", run), capture_output=True, text=True, check=False)
    assert judged.returncode == ExitCode.BROKEN, judged.stdout + judged.stderr
    assert "cut short" in judged.stdout


def test_heal_needs_no_toxiproxy_to_take_toxics_back_from(
    engine: docker.DockerClient, running: subprocess.Popen[str], harness: Harness, run: Path
) -> None:
    """Both are dead: where the Toxiproxy was, nobody answers, not even with a refusal."""
    running.send_signal(signal.SIGSTOP)  # or it would see the one die, and clean up
    container(engine, run, "toxiproxy").kill()
    running.kill()
    running.wait()

    healed = harness("heal")

    assert healed.returncode == ExitCode.PASS, healed.stdout + healed.stderr
    assert resources_of(engine, run) == []
    assert harness("heal").stdout == "nothing was left\n"


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
    assert errors(run).interrupted == f"interrupted by {number.name}"
    assert faults(run)[-1] == "healed"
    assert resources_of(engine, run) == []
    assert (run / "report.html").is_file()


@pytest.mark.parametrize("victim", ["toxiproxy", "pay", "worker"])
def test_a_container_that_dies_unasked_ends_the_run_and_is_named(
    engine: docker.DockerClient, running: subprocess.Popen[str], run: Path, victim: str
) -> None:
    container(engine, run, victim).kill()

    output = running.communicate(timeout=90)[0]

    assert running.returncode == ExitCode.BROKEN, output
    assert f"{victim} exited although nobody asked it to: killed by SIGKILL" in output
    assert errors(run).broken
    assert not errors(run).unhealed
    assert resources_of(engine, run) == []
    assert (run / "report.html").is_file()
    assert "Traceback" not in output


def test_what_a_container_said_last_is_told(
    shop: Path, run: Path, harness: Harness, engine: docker.DockerClient
) -> None:
    write_short(shop)
    (shop / "pay.pl").write_text('die "no vault today\\n";\n')

    done = harness("run", "short", "--on", "compose", "--out", run)

    assert done.returncode == ExitCode.BROKEN, done.stdout + done.stderr
    assert "no vault today" in done.stdout
    assert resources_of(engine, run) == []
