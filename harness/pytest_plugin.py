"""The pytest plugin: scenario files as tests, and fixtures for experiments written by hand.

`pytest experiments` collects every `*.scenario.yaml` and `*.scenario.py`: one item for each
expectation, and one, `run`, for whatever is wrong beside them. A file is run once, when its first
item is reached; `inconclusive` is a skip with its reason, as in the JUnit file, or with
`--harness-strict` a failure. A run that could not be carried out or healed is an error. A scenario
with a fault that the backend lacks is a skip in any case.

Experiments written by hand use `stack` (started once, on the backend of `--harness-on`), `chaos`
(whose faults are always healed at the end of the test) and `history` (what has been seen so far):

    def test_the_gate_closes_when_it_is_blind(stack, chaos, history):
        with chaos.cut("autogate-cgk-border"):
            answer = stack.post("autogate-cgk", "/travellers", json=TRAVELLER)
        assert answer.status_code == 503

This module is imported in every pytest run, so it imports nothing heavy until it is needed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from harness.checks import Verdict
    from harness.live import LiveStack
    from harness.run import Outcome

_SUFFIXES = (".scenario.yaml", ".scenario.py")

_GRACE = 120.0
"""Real seconds beside load and settling: the stack starts, people are served, faults are healed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this plugin; all begin with `--harness-`."""
    group = parser.getgroup("harness", "chaos experiments")
    group.addoption("--harness-stack", metavar="DIR", help="Directory of the stack's Compose file.")
    group.addoption("--harness-on", metavar="BACKEND", help="Where the stack runs.")
    group.addoption("--harness-seed", metavar="N", type=int, help="Instead of each scenario's own.")
    group.addoption("--harness-out", metavar="DIR", help="Where run folders go (default: runs).")
    group.addoption(
        "--harness-pace", metavar="P", type=float, default=1.0, help="Pace of the `stack` fixture."
    )
    group.addoption(
        "--harness-strict", action="store_true", help="What is inconclusive fails; else it skips."
    )
    parser.addini("harness_strict", "As --harness-strict.", type="bool", default=False)
    parser.addini("harness_stack", "Directory of the stack's Compose file.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Say which markers there are."""
    config.addinivalue_line("markers", "chaos: an item that runs a scenario of the harness")


def stack_directory(config: pytest.Config, near: Path | None = None) -> Path:
    """Where the stack under test is: the option, else the ini key, else above `near`, else root.

    "Above" is the nearest directory with a Compose file, so that each of several systems in one
    repository is run with its own scenarios.
    """
    given: str = config.getoption("--harness-stack") or config.getini("harness_stack")
    if given:
        return (config.rootpath / given).resolve()
    above = near.parents if near is not None else ()
    return next((d for d in above if any(d.glob("*compose.y*ml"))), config.rootpath)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect scenario files; one in Python is no module of tests, even if it is named itself."""
    collected = yield
    if file_path.name.endswith(_SUFFIXES):
        return [ScenarioFile.from_parent(parent, path=file_path)]
    return collected


class ScenarioFile(pytest.File):
    """One scenario; runs at most once."""

    _outcome: Outcome | None = None
    _error: tuple[BaseException, TracebackType | None] | None = None
    names: frozenset[str] = frozenset()
    """What the scenario expects by name; each has an item of its own."""

    def collect(self) -> Iterator[pytest.Item]:
        """`run`, and one item per expectation."""
        from harness.errors import UsageError
        from harness.scenario import load_scenario

        try:
            scenario = load_scenario(self.path)
        except UsageError as error:
            raise self.CollectError(str(error)) from None
        self.names = frozenset(expectation.name for expectation in scenario.expect)
        limit = (scenario.load.duration + scenario.settle) / scenario.pace + _GRACE
        for name in ["run", *(expectation.name for expectation in scenario.expect)]:
            item = ExpectationItem.from_parent(self, name=name)
            # The marker is unknown, and under --strict-markers wrong, without its plugin.
            if self.config.pluginmanager.has_plugin("timeout"):
                item.add_marker(pytest.mark.timeout(limit))
            yield item

    def outcome(self) -> Outcome:
        """What the run came to. Where it raised, it raises the same again and is not repeated."""
        if self._error is not None:
            error, trace = self._error
            raise error.with_traceback(trace)
        if self._outcome is None:
            try:
                self._outcome = self._execute()
            except BaseException as error:  # pytest-timeout's is no Exception
                self._error = error, error.__traceback__
                raise
        return self._outcome

    def _execute(self) -> Outcome:
        from harness.run import execute, prepare
        from harness.stack import get_backend

        config = self.config
        directory = stack_directory(config, self.path)
        backend = get_backend(config.getoption("--harness-on"))
        prepared = prepare(
            str(self.path), directory, config.getoption("--harness-seed"), backend=backend
        )
        out = config.getoption("--harness-out")
        return execute(
            prepared,
            backend=backend,
            base=directory,
            out=Path(out) / prepared.scenario.name if out else None,
        )

    def teardown(self) -> None:
        """End the session after the last item of a run that was interrupted: so was pytest."""
        if self._outcome is not None and self._outcome.errors.interrupted:
            self.session.shouldstop = self._outcome.errors.interrupted


class ExpectationItem(pytest.Item):
    """One expectation of one scenario, or `run`.

    What is wrong with the run is raised in `setup`, where pytest calls it an error; a failure is
    always the system's.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_marker("chaos")

    def setup(self) -> None:
        """Run the scenario if that has not been done, and see whether the run was in order."""
        from harness.errors import BackendError, HarnessError

        super().setup()
        try:
            outcome = self._file.outcome()
        except BackendError as error:  # nothing was started, and nothing is in doubt
            pytest.skip(str(error).replace("--on ", "--harness-on "))
        except HarnessError as error:
            raise _failed(str(error)) from None
        self.user_properties.append(("run", str(outcome.folder)))
        errors = outcome.errors
        if self.name == "run" and (errors.unhealed or errors.broken):
            raise _failed("\n".join([*errors.unhealed, *errors.broken]))
        if errors.interrupted:  # then not even a failed expectation means anything
            pytest.skip(errors.interrupted)

    def runtest(self) -> None:
        """Look at this item's verdict; `run` looks at what no other item looks at."""
        outcome = self._file.outcome()
        if self.name == "run":
            self._beside(outcome)
            return
        for verdict in outcome.verdicts:
            if verdict.name == self.name:
                self.user_properties.extend(
                    [("verdict", verdict.result), ("reason", verdict.reason)]
                )
                self.user_properties.extend(verdict.measured.items())
                self._look_at(verdict)
                return
        self._inconclusive("the run ended before this could be judged")

    def _beside(self, outcome: Outcome) -> None:
        implied = [verdict for verdict in outcome.verdicts if verdict.name not in self._file.names]
        doubts = [f"{v.name}: {v.reason}" for v in implied if v.result == "inconclusive"]
        for verdict in implied:
            if verdict.result == "fail":
                self._look_at(verdict)
        if doubts or outcome.errors.inconclusive:
            self._inconclusive("; ".join([*outcome.errors.inconclusive, *doubts]))

    def _look_at(self, verdict: Verdict) -> None:
        if verdict.result == "inconclusive":
            self._inconclusive(verdict.reason)
        if verdict.result == "fail":
            evidence = ", ".join(str(index) for index in verdict.evidence)
            raise _failed(
                f"{verdict.reason}\nevidence: events {evidence or 'none'} of history.jsonl"
            )

    def _inconclusive(self, reason: str) -> NoReturn:
        config = self.config
        if config.getoption("--harness-strict") or config.getini("harness_strict"):
            raise _failed(f"inconclusive: {reason}")
        pytest.skip(f"inconclusive: {reason}")

    @property
    def _file(self) -> ScenarioFile:
        assert isinstance(self.parent, ScenarioFile)
        return self.parent

    def reportinfo(self) -> tuple[Path, None, str]:
        """How the item is called in reports."""
        return self.path, None, f"{self.path.name}: {self.name}"


def _failed(text: str) -> BaseException:
    """What to raise so that `text` is all that is shown: the fault is in no code of the tests."""
    return pytest.fail.Exception(text, pytrace=False)


# ---- experiments written by hand -----------------------------------------------------------------


@pytest.fixture(scope="session")
def harness_live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveStack]:
    """The running stack behind `stack`, `chaos` and `history`."""
    from harness.live import LiveStack
    from harness.stack import get_backend

    config = request.config
    folder = tmp_path_factory.mktemp("harness")
    backend = get_backend(config.getoption("--harness-on"))
    with LiveStack.start(
        stack_directory(config), folder, backend, pace=config.getoption("--harness-pace")
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
