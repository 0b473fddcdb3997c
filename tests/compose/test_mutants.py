"""A sample of the planted bugs on the Compose backend: each is found by the check that is made for
it. Without a planted bug, modes and answers are the same as on the local backend.
"""

from pathlib import Path

import docker
import pytest

from harness.errors import ExitCode
from harness.history import Fail, History, Mode, Ok
from harness.stack import get_backend
from tests.mutants.test_mutants import ROWS, Row, assert_bugs_found, describe, run

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

SAMPLE = (
    "border records a batch twice, and a counter does not write its journal",
    "a counter keeps its journal in memory only",
    "autogates admit travellers while the data center is unreachable",
    "stages open out of order",
    "notices stop after the first, applications are lost, bags are lost and swapped",
)


PACE = 240
"""Half of the local backend's pace: seventeen containers need more CPU than as many processes."""

STRETCH = 1.5
"""Recovery took up to 64 scenario minutes there; errors must then have ended while users still
arrive."""


@pytest.mark.parametrize("row", [row for row in ROWS if row.name in SAMPLE], ids=lambda r: r.name)
def test_a_planted_bug_is_found(engine: docker.DockerClient, row: Row, tmp_path: Path) -> None:
    outcome = run(
        row.scenario, row.bugs, row.settle, tmp_path / "run",
        backend=get_backend("compose"), pace=PACE, stretch=STRETCH,
    )  # fmt: skip
    assert_bugs_found(row, outcome)


def test_modes_and_answers_are_the_same_on_both_backends(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    stories = {}
    for name, pace in (("local", None), ("compose", PACE)):
        folder = tmp_path / name
        outcome = run(
            "outage", {}, None, folder, backend=get_backend(name), pace=pace, stretch=STRETCH
        )
        assert outcome.exit_code == ExitCode.PASS, describe(outcome)
        stories[name] = History.read(folder)

    assert modes(stories["compose"]) == modes(stories["local"])
    assert answers(stories["compose"]) == answers(stories["local"])


def modes(history: History) -> dict[str, tuple[set[str], str]]:
    """Return service -> the modes that it had, and its last one.

    The number of changes is not compared: it depends on timing while a backlog drains and the data
    center serves a share.
    """
    services = sorted({event.service for event in history.of(Mode)})
    spans = {service: [span.value for span in history.modes(service)] for service in services}
    return {service: (set(values), values[-1]) for service, values in spans.items()}


def answers(history: History) -> dict[str, set[tuple[str, int]]]:
    """Return operation -> its answers, without time-outs, which a slow machine may cause."""
    found: dict[str, set[tuple[str, int]]] = {}
    for kind in (Ok, Fail):
        for event in history.of(kind):
            found.setdefault(event.op, set()).add((kind.__name__, event.status))
    return found
