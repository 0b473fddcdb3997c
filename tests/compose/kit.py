"""What the tests of runs in containers hold them with."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.models.containers import Container

from tests.run.short import SCENARIO, faults

from .conftest import command


def write_short(shop: Path) -> None:
    """Give the shop the scenario `short`, which there is time to end in any way."""
    (shop / "experiments" / "short.scenario.yaml").write_text(SCENARIO)


def write_brief(shop: Path) -> None:
    """Give the shop the scenario `brief`, like `short` but soon over."""
    text = SCENARIO.replace("name: short", "name: brief").replace("for: 34m", "for: 3m")
    assert "duration: 40m" in text
    path = shop / "experiments" / "brief.scenario.yaml"
    path.write_text(text.replace("duration: 40m", "duration: 12m"))


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


def compose_answers(words: Sequence[str]) -> bool:
    """Whether `words` call a Compose."""
    if shutil.which(words[0]) is None:
        return False
    return not subprocess.run([*words, "version"], capture_output=True, check=False).returncode


def eventually(condition: Callable[[], bool], limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"did not come true in {limit} s"
        time.sleep(0.05)


def left_of(engine: docker.DockerClient, run: Path) -> list[str]:
    """Everything on the engine that bears the run's label."""
    ours: dict[str, str | list[str] | bool] = {"label": f"org.outage-harness.state={run}"}
    everything = (
        engine.containers.list(all=True, filters=ours, ignore_removed=True),
        engine.networks.list(filters=ours),
        engine.volumes.list(filters=ours),
    )
    return [str(one.name) for kind in everything for one in kind]


def container(engine: docker.DockerClient, run: Path, service: str) -> Container:
    labels = [f"org.outage-harness.state={run}", f"com.docker.compose.service={service}"]
    (found,) = engine.containers.list(filters={"label": labels})
    return found


def images_of(engine: docker.DockerClient) -> dict[str, list[str]]:
    """Id -> tags of every image. The SDK's list asks for each, and another test's may be gone."""
    return {image["Id"]: image["RepoTags"] or [] for image in engine.api.images(all=True)}
