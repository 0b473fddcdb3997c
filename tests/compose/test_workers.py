"""Load workers in containers: of a run, and of `--profile load` by hand with either Compose."""

import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

import docker
import msgspec
import pytest
from docker.errors import ImageNotFound

from harness.errors import ExitCode
from harness.history import AnyEvent, Generator, History, Invoke, decode
from harness.load import LoadConfig, check_journeys
from harness.scenario import Load
from harness.stack import read_stack
from tests.run.short import trouble

from .conftest import Harness, command
from .kit import compose_answers, eventually, left_of, write_short

ROOT = Path(__file__).parents[2]
IMAGE = "outage-harness/load:local"
WORKER = "org.outage-harness.worker"


@pytest.fixture
def load_image(engine: docker.DockerClient, missing: Callable[[str], NoReturn]) -> str:
    """The image of workers; without it the test is skipped, or fails if Docker is required."""
    try:
        engine.images.get(IMAGE)
    except ImageNotFound:
        missing(f"no image {IMAGE}; harness images build makes it")
    return IMAGE


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Where the run's evidence is."""
    return tmp_path / "run"


# ---- harness run --workers -----------------------------------------------------------------------


@pytest.mark.stack
@pytest.mark.timeout(180)
def test_workers_share_the_load_of_a_run_and_nothing_of_them_is_left(
    engine: docker.DockerClient, shop: Path, run: Path, harness: Harness, load_image: str
) -> None:
    write_short(shop)

    done = harness("run", "short", "--on", "compose", "--workers", "2", "--out", run)

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
    assert stack["versions"][f"image {load_image}"].startswith("sha256:")
    assert left_of(engine, run) == []


@pytest.mark.stack
@pytest.mark.timeout(180)
def test_a_worker_that_is_killed_makes_the_run_inconclusive_and_is_named(
    engine: docker.DockerClient,
    shop: Path,
    run: Path,
    harness: Harness,
    shop_environment: dict[str, str],
    *,
    load_image: str,
) -> None:
    assert harness  # cleans up after everything
    write_short(shop)
    words = ("run", "short", "--on", "compose", "--workers", "2", "--stack", shop, "--out", run)
    with subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=shop_environment,
    ) as process:  # fmt: skip
        try:
            part = run / "parts" / "load-1.jsonl"
            eventually(lambda: (part.is_file() and part.stat().st_size > 0) or ended(process))
            labels = [f"org.outage-harness.state={run}", f"{WORKER}=load-worker-1"]
            (victim,) = engine.containers.list(filters={"label": labels})
            victim.kill()
            output = process.communicate(timeout=90)[0]
        finally:
            process.kill()

    assert process.returncode == ExitCode.INCONCLUSIVE, output
    assert trouble(run).interrupted.startswith("load-worker-1 ended (exit code 137): ")
    assert not trouble(run).broken
    died = {e.worker for e in History.read(run).of(Generator) if e.state == "died"}
    assert "1" in died
    assert left_of(engine, run) == []
    assert (run / "report.html").is_file()
    assert "Traceback" not in output


def ended(process: subprocess.Popen[str]) -> bool:
    return process.poll() is not None


# ---- by hand -------------------------------------------------------------------------------------

COMPOSES = [("docker", "compose"), ("docker-compose",)]


def by_hand() -> LoadConfig:
    return msgspec.json.decode((ROOT / "experiments" / "load.json").read_bytes(), type=LoadConfig)


def test_the_load_by_hand_knows_every_service_by_its_name_and_port() -> None:
    spec = read_stack(ROOT, os.environ)
    assert by_hand().addresses == {
        name: f"{name}:{service.port}"
        for name, service in spec.services.items()
        if service.port is not None
    }


def test_somebody_arrives_in_the_load_by_hand() -> None:
    load = Load(journeys=by_hand().journeys, duration=3600.0, params=by_hand().params)
    assert check_journeys(load, ROOT, by_hand().seed) > 100


@pytest.fixture(params=COMPOSES, ids=["compose-2", "compose-1"])
def project(
    request: pytest.FixtureRequest, load_image: str, missing: Callable[[str], NoReturn]
) -> Iterator[tuple[Callable[..., str], str, str]]:
    """`docker compose WORDS` for the load profile, its page's address, its project."""
    words: tuple[str, ...] = request.param
    if not compose_answers(words):
        missing(f"{' '.join(words)} does not answer")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PACE": "120", "HARNESS_LOAD_PORT": str(port)}
    name = f"byhand{os.getpid()}"

    def compose(*more: str) -> str:
        done = subprocess.run(
            [*words, "-p", name, "--profile", "load", *more], cwd=ROOT, env=environment,
            capture_output=True, text=True, check=False, timeout=150,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        yield compose, f"http://127.0.0.1:{port}", name
    finally:
        compose("down", "--volumes", "--timeout", "1")


def ask(url: str, **form: str) -> Any:
    data = urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=10) as answer:
        return json.loads(answer.read())


def answers(url: str) -> bool:
    try:
        return ask(f"{url}/stats/requests")["worker_count"] == 2
    except OSError:
        return False


@pytest.mark.stack
@pytest.mark.timeout(300)
def test_by_hand_the_start_button_lets_people_arrive(
    engine: docker.DockerClient, project: tuple[Callable[..., str], str, str]
) -> None:
    compose, url, _ = project
    compose("up", "-d", "--no-build", "--scale", "locust-worker=2")
    eventually(lambda: answers(url))

    assert ask(f"{url}/swarm", user_count="1", spawn_rate="1")["success"]

    def served() -> bool:
        rows = ask(f"{url}/stats/requests")["stats"]
        return sum(row["num_requests"] - row["num_failures"] for row in rows[:-1]) >= 50

    eventually(served)
    assert refused(f"{url}/swarm", "http://evil.example")
    assert ask(f"{url}/stop", now="1")["success"]

    recorded = part_of_load(engine, project[2])
    asked = [event for event in recorded if isinstance(event, Invoke)]
    assert {event.id.partition("-")[0] for event in asked} == {"0", "1"}
    last = [event for event in recorded if isinstance(event, Generator) and event.state == "died"]
    assert sorted(event.worker for event in last) == ["0", "1"]  # told to stop


def refused(url: str, origin: str) -> bool:
    request = urllib.request.Request(url, b"user_count=1&spawn_rate=1", {"Origin": origin})
    try:
        urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        return error.code == 403
    return False


def part_of_load(engine: docker.DockerClient, project: str) -> list[AnyEvent]:
    """What the master has recorded, in its own container."""
    labels = [
        f"com.docker.compose.project={project}", "com.docker.compose.service=locust-master"
    ]  # fmt: skip
    (master,) = engine.containers.list(filters={"label": labels})
    code, output = master.exec_run(["sh", "-c", "cat /data/load-*/load-*.jsonl"])
    assert code == 0, output
    return [decode(line) for line in output.splitlines()]
