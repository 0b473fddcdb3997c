"""Fixtures of the proxy tests: the same tests run against the embedded and a real server.

A real toxiproxy-server is found through HARNESS_TOXIPROXY (a path) or on the PATH. Without one,
the tests that need it are skipped, unless HARNESS_REQUIRE (a comma-separated list) names
`toxiproxy`: then they fail, so that CI cannot pass without having run them.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import proxy_kit
import pytest
import socket_kit


def find_real_toxiproxy() -> str:
    """Return the path of a real toxiproxy-server; skip or fail the test if none is found."""
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
    """Return the command line of either server, for tests of the process itself."""
    return [find_real_toxiproxy()] if request.param == "real" else proxy_kit.EMBEDDED


@pytest.fixture(scope="session", params=["embedded", "real"])
def shared_server(request: pytest.FixtureRequest) -> Iterator[proxy_kit.Server]:
    """Start one embedded and one real server that all tests share."""
    if request.param == "real":
        server = proxy_kit.start_real(find_real_toxiproxy(), "-proxy-metrics")
    else:
        server = proxy_kit.start_embedded("-proxy-metrics")
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: proxy_kit.Server) -> Iterator[proxy_kit.Server]:
    """Provide either server, without proxies, and check that it still runs after the test."""
    shared_server.clear()
    yield shared_server
    assert shared_server.is_alive()
    shared_server.clear()


@pytest.fixture(scope="session")
def shared_embedded() -> Iterator[proxy_kit.Server]:
    """Start the embedded server that all tests of its own features share."""
    server = proxy_kit.start_embedded("-seed", "1", "-proxy-metrics", "-runtime-metrics")
    yield server
    assert server.stop() == 0


@pytest.fixture
def embedded(shared_embedded: proxy_kit.Server) -> Iterator[proxy_kit.Server]:
    """Provide the embedded server, without proxies, and check that it still runs after the test."""
    shared_embedded.clear()
    yield shared_embedded
    assert shared_embedded.is_alive()
    shared_embedded.clear()


@pytest.fixture
def echo() -> Iterator[socket_kit.Upstream]:
    """Run an upstream that sends back everything it receives."""
    with socket_kit.upstream() as server:
        yield server


@pytest.fixture
def manual_upstream() -> Iterator[socket_kit.Upstream]:
    """Run an upstream that does nothing; the test drives its sockets (see `wait_for_client`)."""
    with socket_kit.upstream(socket_kit.leave_open) as server:
        yield server
