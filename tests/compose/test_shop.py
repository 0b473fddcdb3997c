"""Somebody else's Compose project, in containers, by the same commands, with either Compose."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Harness
from .kit import compose_answers

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

BOTH = ("docker compose", "docker-compose")


@pytest.fixture(params=BOTH)
def compose(request: pytest.FixtureRequest, missing: Callable[[str], None]) -> str:
    """Each Compose of this machine."""
    words = str(request.param)
    if not compose_answers(shlex.split(words)):
        missing(f"{words} does not answer")
    return words


@pytest.mark.parametrize("scenario", ["provider_cut", "worker_killed"])
def test_every_expectation_holds(
    harness: Harness, compose: str, scenario: str, tmp_path: Path
) -> None:
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
