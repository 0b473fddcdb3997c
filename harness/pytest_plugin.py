"""The pytest plugin: scenario files as tests, and fixtures for experiments written by hand.

`pytest experiments` collects every `*.scenario.yaml` and `*.scenario.py`: one item for each
expectation, and one, `run`, for whatever is wrong beside them. A file is run once, when its first
item is reached; `inconclusive` is a skip with its reason, as in the JUnit file.

Experiments written by hand use `stack` (started once, on the rung of `--harness-on`), `chaos`
(whose faults are always healed at the end of the test) and `history` (what has been seen so far):

    def test_the_gate_closes_when_it_is_blind(stack, chaos, history):
        with chaos.cut("autogate-cgk-border"):
            answer = stack.post("autogate-cgk", "/travellers", json=TRAVELLER)
        assert answer.status_code == 503

This module is imported in every pytest run, so it imports nothing heavy until it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.checks import Verdict
    from harness.live import LiveStack
    from harness.run import Outcome

_SUFFIXES = (".scenario.yaml", ".scenario.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this plugin; all begin with `--harness-`."""
    group = parser.getgroup("harness", "chaos experiments")
    group.addoption("--harness-stack", metavar="DIR", help="Directory of the stack's Compose file.")
    group.addoption("--harness-on", metavar="RUNG", default="local", help="Rung (default: local).")
    group.addoption("--harness-seed", metavar="N", type=int, help="Instead of each scenario's own.")
    group.addoption("--harness-out", metavar="DIR", help="Where run folders go (default: runs).")
    group.addoption(
        "--harness-pace", metavar="P", type=float, default=1.0, help="Pace of the `stack` fixture."
    )
    parser.addini("harness_stack", "Directory of the stack's Compose file.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Say which markers there are."""
    config.addinivalue_line("markers", "chaos: an item that runs a scenario of the harness")


def stack_directory(config: pytest.Config, near: Path | None = None) -> Path:
    """Where the stack under test is: the option, else the ini key, else above `near`, else root.

    "Above" is the nearest directory with a Compose file, so that each of several systems in one
    repository is run with its own scenarios.
    """
    given = config.getoption("--harness-stack") or config.getini("harness_stack")
    if given:
        return (config.rootpath / given).resolve()
    above = near.parents if near is not None else ()
    return next((d for d in above if any(d.glob("*compose.y*ml"))), config.rootpath)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """Collect scenario files."""
    if file_path.name.endswith(_SUFFIXES):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    """One scenario; runs at most once."""

    _outcome: Outcome | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """One item per expectation, and `run`."""
        from harness.errors import UsageError
        from harness.scenario import load_scenario

        try:
            scenario = load_scenario(self.path)
        except UsageError as error:
            raise self.CollectError(str(error)) from None
        for name in ["run", *(expectation.name for expectation in scenario.expect)]:
            yield ExpectationItem.from_parent(self, name=name)

    def outcome(self) -> Outcome:
        """What the run came to."""
        if self._outcome is None:
            from harness._rungs import rung
            from harness.run import execute, prepare

            config = self.config
            directory = stack_directory(config, self.path)
            prepared = prepare(str(self.path), directory, config.getoption("--harness-seed"))
            out = config.getoption("--harness-out")
            self._outcome = execute(
                prepared,
                make_stack=rung(config.getoption("--harness-on")),
                base=directory,
                out=Path(out) / prepared.scenario.name if out else None,
            )
        return self._outcome


class ExpectationError(Exception):
    """An expectation that did not hold; its text is all that is shown."""


class ExpectationItem(pytest.Item):
    """One expectation of one scenario."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_marker("chaos")

    def runtest(self) -> None:
        """Run the scenario if that has not been done, and look at this item's verdict."""
        file = self.parent
        assert isinstance(file, ScenarioFile)
        outcome = file.outcome()
        self.user_properties.append(("run", str(outcome.folder)))
        if self.name == "run":
            self._beside(outcome)
            return
        for verdict in outcome.verdicts:
            if verdict.name == self.name:
                self._look_at(verdict)
                return
        pytest.skip("the run ended before this could be judged")

    def _beside(self, outcome: Outcome) -> None:
        trouble = outcome.trouble
        if trouble.unhealed or trouble.broken:
            raise ExpectationError("\n".join([*trouble.unhealed, *trouble.broken]))
        if trouble.all:
            pytest.skip("inconclusive: " + "; ".join(trouble.all))

    def _look_at(self, verdict: Verdict) -> None:
        self.user_properties.extend(
            [("verdict", verdict.result), ("reason", verdict.reason), *verdict.measured.items()]
        )
        if verdict.result == "inconclusive":
            pytest.skip(f"inconclusive: {verdict.reason}")
        if verdict.result == "fail":
            evidence = ", ".join(str(index) for index in verdict.evidence)
            raise ExpectationError(
                f"{verdict.reason}\nevidence: events {evidence or 'none'} of history.jsonl"
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A short text instead of a traceback, where the fault is not in the harness."""
        from harness.errors import HarnessError

        if isinstance(excinfo.value, ExpectationError | HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """How the item is called in reports."""
        return self.path, None, f"{self.path.name}: {self.name}"


# ---- experiments written by hand -----------------------------------------------------------------


@pytest.fixture(scope="session")
def harness_live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveStack]:
    """The running stack behind `stack`, `chaos` and `history`."""
    from harness._rungs import rung
    from harness.live import LiveStack

    config = request.config
    folder = tmp_path_factory.mktemp("harness")
    make = rung(config.getoption("--harness-on"))
    with LiveStack.start(
        stack_directory(config), folder, make, pace=config.getoption("--harness-pace")
    ) as live:
        yield live


@pytest.fixture
def stack(harness_live: LiveStack) -> LiveStack:
    """The running stack, with `get`, `post` and `put` to its services past every link."""
    return harness_live


@pytest.fixture
def chaos(harness_live: LiveStack) -> Iterator[Any]:
    """Faults on the running stack; whatever the test leaves is healed at its end."""
    try:
        yield harness_live.chaos
    finally:
        harness_live.chaos.heal_all()


@pytest.fixture
def history(harness_live: LiveStack) -> Any:
    """Called, it returns the history so far, of this test's time only."""
    since = harness_live.seconds()
    return lambda: harness_live.history(since)
