"""The shop in containers: a Compose project that is not this project's own.

Its images are official ones, which a machine without a registry cannot pull. There, one image with
Python and Perl stands in for both, made from Debian's packages on the base that
`harness images build` leaves.
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

from harness.stack.compose.images._engine import Engine

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
    """The environment in which the shop's Compose file names images that are there."""
    engine.images.build(
        fileobj=io.BytesIO(_DOCKERFILE), tag=_TAG, rm=True, network_mode="host"
    )  # the engine's cache makes it quick from the second time on
    return {**os.environ, "PYTHON_IMAGE": _TAG, "PERL_IMAGE": _TAG}


@pytest.fixture(scope="session")
def load_image(engine: docker.DockerClient, missing: Callable[[str], NoReturn]) -> str:
    """The image of load workers; without it the test is skipped, or fails if Docker is required."""
    try:
        engine.images.get(LOAD)
    except ImageNotFound:
        missing(f"no image {LOAD}; harness images build builds it")
    return LOAD


@pytest.fixture
def said() -> list[str]:
    """What the `maker` says, line by line."""
    return []


@pytest.fixture
def maker(engine: docker.DockerClient, said: list[str]) -> Iterator[Engine]:
    """Makes images on the engine."""
    made = Engine(said.append)
    yield made
    made.close()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop in a directory of its own."""
    directory = tmp_path / "shop"
    ignored = shutil.ignore_patterns("__pycache__", ".harness", "runs", "test_*", "conftest.py")
    shutil.copytree(SHOP, directory, ignore=ignored)
    return directory


@pytest.fixture
def harness(shop: Path, shop_environment: dict[str, str]) -> Iterator[Harness]:
    """`harness WORDS --stack SHOP`, as from a shell; nothing is left of it after the test."""

    def call(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words, "--stack", shop), capture_output=True, text=True, check=False,
            timeout=110, env=shop_environment | more,
        )  # fmt: skip

    yield call
    call("down")
    call("heal")


def command(*words: str | Path) -> list[str]:
    """The command line of `harness WORDS`."""
    return [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words)]
