"""A Compose file with `build:`: each run uses the current source, and leaves no extra images."""

import itertools
import shlex
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import docker
import pytest

from harness.errors import ExitCode, StackError
from harness.stack import detached_state
from harness.stack.compose.images import build_images

from .conftest import Harness
from .kit import container, images_of, is_compose

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

IMAGE = '    image: "${PYTHON_IMAGE:-python:3.13-slim}"\n'


@pytest.fixture
def built(engine: docker.DockerClient, shop: Path, shop_environment: dict[str, str]) -> Path:
    """The shop, whose worker has a `build:` and no `image:`, as in many Compose files."""
    file = shop / "docker-compose.yml"
    head, worker = file.read_text().split("  worker:\n")
    assert IMAGE in worker
    file.write_text(f"{head}  worker:\n{worker.replace(IMAGE, '    build: ./built' + chr(10), 1)}")
    (shop / "built").mkdir()
    write_dockerfile(shop, shop_environment, "LABEL which=first")
    return shop


@pytest.fixture
def project(engine: docker.DockerClient) -> Iterator[str]:
    """A Compose project name of this test; afterwards the project's images are removed."""
    name = f"shop{uuid.uuid4().hex[:8]}"
    yield name
    for image in project_tags(engine, name):
        engine.images.remove(image, force=True)


def write_dockerfile(shop: Path, environment: dict[str, str], line: str) -> None:
    text = f"FROM {environment['PYTHON_IMAGE']}\n{line}\n"
    (shop / "built" / "Dockerfile").write_text(text)


def project_tags(engine: docker.DockerClient, project: str) -> list[str]:
    """Return the tags of the project's images."""
    tags = itertools.chain(*images_of(engine).values())
    return [tag for tag in tags if tag.startswith(project)]


@pytest.mark.parametrize("compose", ["docker compose", "docker-compose"])
def test_every_start_builds_the_current_source_under_one_tag(
    *,
    engine: docker.DockerClient,
    built: Path,
    project: str,
    harness: Harness,
    shop_environment: dict[str, str],
    missing: Callable[..., NoReturn],
    compose: str,
) -> None:
    if not is_compose(shlex.split(compose)):
        missing(f"{compose} is not installed")
    for which in ("first", "second"):
        write_dockerfile(built, shop_environment, f"LABEL which={which}")

        done = harness(
            "up", "--on", "compose", HARNESS_COMPOSE=compose, COMPOSE_PROJECT_NAME=project
        )

        assert done.returncode == 0, done.stdout + done.stderr
        worker = container(engine, detached_state(built), "worker")
        assert worker.labels["which"] == which
        assert harness("down").returncode == 0
        assert project_tags(engine, project) == [f"{project}-worker:latest"]


def test_a_failed_build_is_reported_with_its_last_lines(
    built: Path, project: str, harness: Harness, shop_environment: dict[str, str]
) -> None:
    write_dockerfile(built, shop_environment, "RUN echo no space for flour; exit 3")
    done = harness("up", "--on", "compose", COMPOSE_PROJECT_NAME=project)
    assert done.returncode == ExitCode.BROKEN
    (line,) = done.stderr.splitlines()
    assert line.startswith("harness: docker compose build failed ("), line
    assert "no space for flour" in line


@pytest.mark.parametrize("compose", ["docker compose", "docker-compose"])
def test_build_images_provides_the_images_of_a_users_stack_and_writes_progress(
    *,
    engine: docker.DockerClient,
    built: Path,
    project: str,
    shop_environment: dict[str, str],
    missing: Callable[..., NoReturn],
    compose: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not is_compose(shlex.split(compose)):
        missing(f"{compose} is not installed")
    file = built / "docker-compose.yml"
    file.write_text(f'version: "3.8"\n{file.read_text()}')  # many Compose files still have it
    monkeypatch.setenv("HARNESS_COMPOSE", compose)
    for name in ("PYTHON_IMAGE", "PERL_IMAGE"):
        monkeypatch.setenv(name, shop_environment[name])
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", project)
    write_dockerfile(built, shop_environment, f"RUN echo {project}")
    progress: list[str] = []

    build_images(built, progress.append)

    assert f"{shop_environment['PERL_IMAGE']}: is there" in progress
    assert project_tags(engine, project) == [f"{project}-worker:latest"]
    assert any(f"RUN echo {project}" in line for line in progress), progress


def test_an_image_that_can_neither_be_pulled_nor_built_is_reported(
    built: Path, project: str, shop_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_IMAGE", shop_environment["PYTHON_IMAGE"])
    monkeypatch.setenv("PERL_IMAGE", "127.0.0.1:1/nobody/perl:1")
    with pytest.raises(
        StackError, match=r"^127\.0\.0\.1:1/nobody/perl:1: cannot be pulled: .*refu"
    ):
        build_images(built, lambda _: None)
