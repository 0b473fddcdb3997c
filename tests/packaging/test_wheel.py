"""The wheel holds `harness` alone, and works in a project that has a `services` package."""

import os
import signal
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

import harness

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

COMPOSE = """
x-harness: {links: {bank-shop: {from: bank, to: shop, listen: 21001}}}

services:
  toxiproxy: {image: "ghcr.io/shopify/toxiproxy:2.12.0"}
  shop:
    image: shop
    x-harness: {site: city, app: "services.shop:create", port: 8000, health: /health}
  bank:
    image: bank
    environment: {SHOP: "http://toxiproxy:21001"}
    x-harness: {site: city, command: [sleep, "600"]}
"""

SHOP = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def health(request):
    return JSONResponse({"owner": "the user"})


def create():
    return Starlette(routes=[Route("/health", health)])
"""

SCENARIO = """
name: quiet
title: Nothing happens
load: {journeys: journeys, duration: 1m}
expect: [quiesced]
"""

TESTS = """
import services.shop


def test_the_users_own_package_is_imported():
    assert services.shop.health


def test_the_fixtures_reach_the_users_own_service(stack):
    assert stack.get("shop", "/health").json() == {"owner": "the user"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project with packages that are called like this repository's."""
    for package in ("services", "experiments"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f'"""The user\'s {package}."""\n')
    (tmp_path / "services" / "shop.py").write_text(SHOP)
    (tmp_path / "experiments" / "quiet.scenario.yaml").write_text(SCENARIO)
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    (tmp_path / "test_own.py").write_text(TESTS)
    return tmp_path


def run(environment: Path, project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project; of this checkout, nothing is on its path."""
    return subprocess.run(
        [str(environment / words[0]), *words[1:]],
        cwd=project,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def clean() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def test_the_wheel_holds_harness_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {
        "harness",
        f"outage_harness-{harness.__version__}.dist-info",
    }


def test_the_wheel_holds_every_file_of_harness(wheel: Path) -> None:
    home = Path(harness.__file__).parent
    here = {
        f"harness/{path.relative_to(home).as_posix()}"
        for path in home.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as archive:
        there = {name for name in archive.namelist() if name.startswith("harness/")}
    assert there == here


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--version",), f"harness {harness.__version__}"),
        (("--help",), "Usage: harness"),
        (("doctor",), "2 services, 1 links"),
        (("proxy", "--version"), "toxiproxy-server version"),
    ],
)
def test_a_command_works(
    environment: Path, project: Path, words: tuple[str, ...], text: str
) -> None:
    done = run(environment, project, "harness", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert text in done.stdout


def test_the_proxy_serves(environment: Path, project: Path) -> None:
    with subprocess.Popen(
        [environment / "harness", "proxy", "-port", "0"],
        cwd=project,
        env=clean(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        rest, _ = server.communicate(timeout=30)
    assert b"127.0.0.1:" in first, first + rest
    assert server.returncode == 0


def test_the_plugin_collects_scenarios_and_starts_the_users_own_services(
    environment: Path, project: Path
) -> None:
    listed = run(
        environment, project, "python", "-m", "pytest", "--collect-only", "-q", "experiments"
    )
    assert "quiet.scenario.yaml::quiesced" in listed.stdout, listed.stdout + listed.stderr

    done = run(environment, project, "python", "-m", "pytest", "-q", "test_own.py")
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_stack_of_the_users_own_services_goes_up_and_down(
    environment: Path, project: Path
) -> None:
    up = run(environment, project, "harness", "up")
    down = run(environment, project, "harness", "down")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "running" in up.stdout
    assert down.returncode == 0, down.stdout + down.stderr
