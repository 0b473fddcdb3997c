"""What all tests share: pytest's own tool for testing plugins, and the Docker engine, if any."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NoReturn

import docker
import pytest
from docker.errors import ImageNotFound

from harness.errors import StackError
from harness.stack.compose._engine import connect

pytest_plugins = ["pytester"]

IMAGES = ("outage-harness/services:local", "ghcr.io/shopify/toxiproxy:2.12.0", "postgres:18")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files that start stacks first: started last, one of them would prolong the whole run.

    pytest-xdist keeps this order with `--no-loadscope-reorder`.
    """
    long = {item.path for item in items if item.get_closest_marker("stack")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """A Docker engine that has the images; without one the test is skipped.

    HARNESS_REQUIRE (a comma list) with `docker` in it makes that a failure, so that CI cannot go
    green by having lost its engine.
    """
    try:
        client = connect()
    except StackError as error:
        _missing(str(error))
    with closing(client):
        for tag in IMAGES:
            try:
                client.images.get(tag)
            except ImageNotFound:
                _missing(f"no image {tag}; harness images build builds it")
        yield client


@pytest.fixture(scope="session")
def missing() -> Callable[..., NoReturn]:
    """`missing(what, tool)` skips the test for want of `tool` (`docker`); fails it if required."""
    return _missing


def _missing(what: str, tool: str = "docker") -> NoReturn:
    if tool in os.environ.get("HARNESS_REQUIRE", "").split(","):
        pytest.fail(what)
    pytest.skip(what)
