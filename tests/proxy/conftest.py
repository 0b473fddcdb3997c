"""Fixtures of the proxy's tests, which run against the embedded and a real Toxiproxy server.

A real toxiproxy-server is found through HARNESS_TOXIPROXY (a path) or on the PATH. Without one,
its half of the tests is skipped, unless HARNESS_REQUIRE (a comma-separated list) contains
`toxiproxy`: then the tests fail, so that CI cannot pass without it.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import proxy_kit
import pytest
import socket_kit


def find_real_toxiproxy() -> str:
    """Return the path of a real toxiproxy-server; skip or fail the test if there is none."""
    path = os.environ.get("HARNESS_TOXIPROXY") or shutil.which("toxiproxy-server")
    if path and Path(path).is_file():
        return path
    missing = "no real toxiproxy-server: set HARNESS_TOXIPROXY or put one on the PATH"
    if "toxiproxy" in os.environ.get("HARNESS_REQUIRE", "").split(","):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def real_toxiproxy() -> str:
    """Return the path of a real toxiproxy-server."""
    return find_real_toxiproxy()


@pytest.fixture(params=["embedded", "real"])
def program(request: pytest.FixtureRequest) -> list[str]:
    """Return the command of either server, for tests of the process itself."""
    return [find_real_toxiproxy()] if request.param == "real" else proxy_kit.EMBEDDED


@pytest.fixture(scope="session", params=["embedded", "real"])
def shared_server(request: pytest.FixtureRequest) -> Iterator[proxy_kit.Server]:
    """Start one server of each implementation for all tests."""
    if request.param == "real":
        server = proxy_kit.start_real(find_real_toxiproxy(), "-proxy-metrics")
    else:
        server = proxy_kit.start_embedded("-proxy-metrics")
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: proxy_kit.Server) -> Iterator[proxy_kit.Server]:
    """Return either server, without proxies; check after the test that it is still running."""
    shared_server.clear()
    yield shared_server
    assert shared_server.is_alive()
    shared_server.clear()


@pytest.fixture(scope="session")
def shared_embedded() -> Iterator[proxy_kit.Server]:
    """Start an embedded server for all tests of its extensions."""
    server = proxy_kit.start_embedded("-seed", "1", "-proxy-metrics", "-runtime-metrics")
    yield server
    assert server.stop() == 0


@pytest.fixture
def embedded(shared_embedded: proxy_kit.Server) -> Iterator[proxy_kit.Server]:
    """Return the embedded server, without proxies; check after the test that it is running."""
    shared_embedded.clear()
    yield shared_embedded
    assert shared_embedded.is_alive()
    shared_embedded.clear()


@pytest.fixture
def echo() -> Iterator[socket_kit.Upstream]:
    """Run an upstream that echoes all data."""
    with socket_kit.upstream() as server:
        yield server


@pytest.fixture
def manual_upstream() -> Iterator[socket_kit.Upstream]:
    """Run an upstream whose connections the test itself uses, through `wait_for_client`."""
    with socket_kit.upstream(socket_kit.keep_open) as server:
        yield server
