"""Fixtures for the shop in containers: a Compose project of a user, not this project's own.

Its Compose file names official images, which cannot be pulled without a registry. The tests use one
image with Python and Perl instead, built from Debian's packages on the base image that
`harness images build` provides.
"""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TypeAlias

import docker
import pytest
from docker.errors import ImageNotFound

from harness.stack.compose.images._builder import ImageBuilder

SHOP = Path(__file__).parents[1] / "foreign_stack"
LOAD = "outage-harness/load:local"
_TAG = "outage-harness/test-shop:local"
_DOCKERFILE = b"""\
FROM python:3.11-slim-bookworm
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends perl
"""

Harness: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shop_environment(engine: docker.DockerClient) -> dict[str, str]:
    """The environment in which the shop's Compose file names images that exist on the engine."""
    engine.images.build(
        fileobj=io.BytesIO(_DOCKERFILE), tag=_TAG, rm=True, network_mode="host"
    )  # fast from the second time on, because of the engine's cache
    return {**os.environ, "PYTHON_IMAGE": _TAG, "PERL_IMAGE": _TAG}


@pytest.fixture(scope="session")
def load_image(engine: docker.DockerClient, missing: Callable[[str], NoReturn]) -> str:
    """The load workers' image; without it the test is skipped, or fails if Docker is required."""
    try:
        engine.images.get(LOAD)
    except ImageNotFound:
        missing(f"no image {LOAD}; build it with harness images build")
    return LOAD


@pytest.fixture
def progress() -> list[str]:
    """The lines of progress that the `builder` writes."""
    return []


@pytest.fixture
def builder(engine: docker.DockerClient, progress: list[str]) -> Iterator[ImageBuilder]:
    """An image builder on the engine."""
    builder = ImageBuilder(progress.append)
    yield builder
    builder.close()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the shop in a directory of this test."""
    directory = tmp_path / "shop"
    ignored = shutil.ignore_patterns("__pycache__", ".harness", "runs", "test_*", "conftest.py")
    shutil.copytree(SHOP, directory, ignore=ignored)
    return directory


@pytest.fixture
def harness(shop: Path, shop_environment: dict[str, str]) -> Iterator[Harness]:
    """Run `harness WORDS --stack SHOP` in a process; afterwards remove what it has started."""

    def call(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words, "--stack", shop), capture_output=True, text=True, check=False,
            timeout=110, env=shop_environment | more,
        )  # fmt: skip

    yield call
    call("down")
    call("heal")


def command(*words: str | Path) -> list[str]:
    """Return the command line of `harness WORDS`."""
    return [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words)]
