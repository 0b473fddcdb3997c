"""Load workers in containers (`harness run --workers`)."""

import json
import subprocess
from pathlib import Path

import docker
import pytest

from harness.errors import ExitCode
from harness.history import Generator, History, Invoke
from tests.run.short import errors

from .conftest import Harness, command
from .kit import eventually, resources_of, write_brief, write_short

WORKER = "org.outage-harness.worker"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The directory for the run's evidence."""
    return tmp_path / "run"


@pytest.mark.stack
@pytest.mark.timeout(180)
def test_workers_share_the_load_of_a_run_and_are_removed(
    engine: docker.DockerClient, shop: Path, run: Path, harness: Harness, load_image: str
) -> None:
    write_brief(shop)

    done = harness("run", "brief", "--on", "compose", "--workers", "2", "--out", run)

    assert done.returncode == ExitCode.PASS, done.stdout + done.stderr
    history = History.read(run)
    assert {event.id.partition("-")[0] for event in history.of(Invoke)} == {"0", "1"}
    ended = [event for event in history.of(Generator) if event.state != "running"]
    assert sorted((event.worker, event.state) for event in ended) == [
        ("0", "finished"),
        ("1", "finished"),
    ]
    assert (run / "logs" / "load-worker-1.log").stat().st_size
    stack = json.loads((run / "stack.json").read_text())
    assert "--workers 2" in stack["command"]
    # The image's digest if the engine has one, else its id.
    assert stack["versions"][f"image {load_image}"].rpartition("@")[2].startswith("sha256:")
    assert resources_of(engine, run) == []


@pytest.mark.stack
@pytest.mark.timeout(180)
def test_a_killed_worker_is_reported_and_the_run_is_inconclusive(
    engine: docker.DockerClient,
    shop: Path,
    run: Path,
    harness: Harness,  # removes whatever is left
    shop_environment: dict[str, str],
    *,
    load_image: str,
) -> None:
    write_short(shop)
    words = ("run", "short", "--on", "compose", "--workers", "2", "--stack", shop, "--out", run)
    with subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=shop_environment,
    ) as process:  # fmt: skip
        try:
            part = run / "parts" / "load-1.jsonl"
            eventually(lambda: (part.is_file() and part.stat().st_size > 0) or has_ended(process))
            labels = [f"org.outage-harness.state={run}", f"{WORKER}=load-worker-1"]
            (victim,) = engine.containers.list(filters={"label": labels})
            victim.kill()
            output = process.communicate(timeout=90)[0]
        finally:
            process.kill()

    assert process.returncode == ExitCode.INCONCLUSIVE, output
    assert errors(run).interrupted.startswith("load-worker-1 ended (exit code 137): ")
    assert not errors(run).broken
    died = {e.worker for e in History.read(run).of(Generator) if e.state == "died"}
    assert "1" in died
    assert resources_of(engine, run) == []
    assert (run / "report.html").is_file()
    assert "Traceback" not in output


def has_ended(process: subprocess.Popen[str]) -> bool:
    return process.poll() is not None
