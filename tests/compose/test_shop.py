"""A user's own Compose project in containers, with either Compose."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from harness.errors import ExitCode

from .conftest import Harness
from .kit import is_compose

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


@pytest.mark.parametrize("compose", ["docker compose", "docker-compose"])
def test_an_image_that_cannot_be_pulled_is_reported_with_the_cure(
    harness: Harness, missing: Callable[[str], NoReturn], compose: str
) -> None:
    if not is_compose(shlex.split(compose)):
        missing(f"{compose} is not installed")
    # A tag in a registry that does not run.
    image = "127.0.0.1:1/nobody/pay:local"

    done = harness("up", "--on", "compose", HARNESS_COMPOSE=compose, PERL_IMAGE=image)

    (line,) = done.stderr.splitlines()
    assert done.returncode == ExitCode.BROKEN, line
    assert f"no image {image}, and Compose could not pull it" in line
    assert line.endswith("harness images build, which can build some images without a registry")


# Compose only starts and ends a run, so one scenario for each version is enough.
@pytest.mark.parametrize(
    ("compose", "scenario"),
    [("docker compose", "provider_cut"), ("docker-compose", "worker_killed")],
)
def test_every_expectation_of_the_shop_passes(
    *,
    harness: Harness,
    missing: Callable[[str], NoReturn],
    compose: str,
    scenario: str,
    tmp_path: Path,
) -> None:
    if not is_compose(shlex.split(compose)):
        missing(f"{compose} is not installed")
    out = tmp_path / "run"

    done = harness("run", scenario, "--on", "compose", "--out", out, HARNESS_COMPOSE=compose)

    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = json.loads((out / "verdicts.json").read_text())
    assert {verdict["result"] for verdict in verdicts} == {"pass"}
    assert {"exactly_once", "oldest_first"} <= {verdict["check"] for verdict in verdicts}
    versions = json.loads((out / "stack.json").read_text())["versions"]
    assert versions["compose"].startswith("1." if compose == "docker-compose" else ("2.", "dev"))
    assert any(name.startswith("image ") for name in versions)
    logs = {path.stem for path in (out / "logs").glob("*.log")}
    assert logs == {"pay", "shop", "toxiproxy", "worker"}
