"""Helpers for tests of runs in containers."""

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
    """Write the scenario `short`, which lasts long enough to be interrupted during its fault."""
    (shop / "experiments" / "short.scenario.yaml").write_text(SCENARIO)


def write_brief(shop: Path) -> None:
    """Write the scenario `brief`: the same as `short`, but with a shorter fault and duration."""
    text = SCENARIO.replace("name: short", "name: brief").replace("for: 34m", "for: 3m")
    assert "duration: 40m" in text
    path = shop / "experiments" / "brief.scenario.yaml"
    path.write_text(text.replace("duration: 40m", "duration: 12m"))


@contextmanager
def running_short(
    shop: Path, run: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Start `harness run short --on compose`; yield its process once the fault is verified."""
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


def is_compose(words: Sequence[str]) -> bool:
    """Return True if `words` are the command of an installed Compose."""
    if shutil.which(words[0]) is None:
        return False
    return not subprocess.run([*words, "version"], capture_output=True, check=False).returncode


def eventually(condition: Callable[[], bool], limit: float = 60.0) -> None:
    """Wait until `condition` is true, at most `limit` wall-clock seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"the condition was not true within {limit} s"
        time.sleep(0.05)


def resources_of(engine: docker.DockerClient, run: Path) -> list[str]:
    """Return the names of the containers, networks and volumes with the label of `run`."""
    filters: dict[str, str | list[str] | bool] = {"label": f"org.outage-harness.state={run}"}
    resources = (
        engine.containers.list(all=True, filters=filters, ignore_removed=True),
        engine.networks.list(filters=filters),
        engine.volumes.list(filters=filters),
    )
    return [str(one.name) for found in resources for one in found]


def container(engine: docker.DockerClient, run: Path, service: str) -> Container:
    """Return the running container of `service` in the run whose evidence is in `run`."""
    labels = [f"org.outage-harness.state={run}", f"com.docker.compose.service={service}"]
    (found,) = engine.containers.list(filters={"label": labels})
    return found


def images_of(engine: docker.DockerClient) -> dict[str, list[str]]:
    """Return id -> tags of every image on the engine.

    The SDK's `images.list` inspects each image and fails if another test has removed one meanwhile.
    """
    return {image["Id"]: image["RepoTags"] or [] for image in engine.api.images(all=True)}
