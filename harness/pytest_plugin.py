"""The pytest plugin: scenario files as tests, and fixtures for experiments written by hand.

`pytest experiments` collects every `*.scenario.yaml` and `*.scenario.py`. A file has one item for
each expectation, and one item, `run`, for the run errors and the verdicts that the scenario does
not name. The scenario runs once, when its first item is reached. `inconclusive` skips the item
with the reason, as in the JUnit file, or fails it with `--harness-strict`. A run that failed or
could not be healed is an error. A scenario whose faults the backend lacks is always skipped.

Experiments written by hand use the fixtures `stack` (started once, on the backend of
`--harness-on`), `chaos` (its faults are always healed at the end of the test) and `history` (the
events so far):

    def test_an_order_is_queued_without_the_payment_provider(stack, chaos, history):
        with chaos.cut("shop-payments"):
            answer = stack.post("shop", "/orders", json={"id": "o-1", "basket": 3})
        assert answer.status_code == 202

pytest imports this module in every run, so it imports nothing heavy until that is needed.
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
"""Wall-clock seconds that a run may need beside load and settling: for the start of the stack, the
last answers, and healing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this plugin; all begin with `--harness-`."""
    group = parser.getgroup("harness", "chaos experiments")
    group.addoption("--harness-stack", metavar="DIR", help="Directory of the stack's Compose file.")
    group.addoption("--harness-on", metavar="BACKEND", help="Where the stack runs.")
    group.addoption(
        "--harness-seed", metavar="N", type=int, help="Replaces each scenario's own seed."
    )
    group.addoption("--harness-out", metavar="DIR", help="Where run folders go (default: runs).")
    group.addoption(
        "--harness-pace",
        metavar="P",
        type=float,
        default=1.0,
        help="Pace of the `stack` fixture: scenario seconds per second.",
    )
    group.addoption(
        "--harness-strict",
        action="store_true",
        help="Fail inconclusive items instead of skipping them.",
    )
    parser.addini("harness_strict", "Same as --harness-strict.", type="bool", default=False)
    parser.addini("harness_stack", "Directory of the stack's Compose file.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the `chaos` marker."""
    config.addinivalue_line("markers", "chaos: an item that runs a scenario of the harness")


def stack_directory(config: pytest.Config, near: Path | None = None) -> Path:
    """Return the directory of the stack under test.

    It is `--harness-stack`, else the ini key `harness_stack`, else the nearest directory above
    `near` that has a Compose file, else pytest's root. So each of several systems in one
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
    """Collect scenario files. One in Python is not a test module, even if it is given by name."""
    collected = yield
    if file_path.name.endswith(_SUFFIXES):
        return [ScenarioFile.from_parent(parent, path=file_path)]
    return collected


class ScenarioFile(pytest.File):
    """One scenario file; the scenario runs at most once."""

    _outcome: Outcome | None = None
    _error: tuple[BaseException, TracebackType | None] | None = None
    names: frozenset[str] = frozenset()
    """The names of the scenario's expectations; each has an item."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the item `run`, and one item per expectation."""
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
            # Without pytest-timeout the marker is unknown, which --strict-markers refuses.
            if self.config.pluginmanager.has_plugin("timeout"):
                item.add_marker(pytest.mark.timeout(limit))
            yield item

    def outcome(self) -> Outcome:
        """Run the scenario on the first call; later calls return or raise the same."""
        if self._error is not None:
            error, trace = self._error
            raise error.with_traceback(trace)
        if self._outcome is None:
            try:
                self._outcome = self._execute()
            except BaseException as error:  # the exception of pytest-timeout is not an Exception
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
        """End the session if the run was interrupted: the same signal was meant for pytest."""
        if self._outcome is not None and self._outcome.errors.interrupted:
            self.session.shouldstop = self._outcome.errors.interrupted


class ExpectationItem(pytest.Item):
    """One expectation of one scenario, or `run`.

    Run errors are raised in `setup`, which pytest reports as an error. So a failure is always one
    of the system under test.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_marker("chaos")

    def setup(self) -> None:
        """Run the scenario if that has not been done, and raise its run errors."""
        from harness.errors import BackendError, HarnessError

        super().setup()
        try:
            outcome = self._file.outcome()
        except BackendError as error:  # nothing was started
            pytest.skip(str(error).replace("--on ", "--harness-on "))
        except HarnessError as error:
            raise _failed(str(error)) from None
        self.user_properties.append(("run", str(outcome.folder)))
        errors = outcome.errors
        if self.name == "run" and (errors.unhealed or errors.broken):
            raise _failed("\n".join([*errors.unhealed, *errors.broken]))
        if errors.interrupted:  # then even a failed expectation proves nothing
            pytest.skip(errors.interrupted)

    def runtest(self) -> None:
        """Report this item's verdict; `run` reports the verdicts that have no item."""
        outcome = self._file.outcome()
        if self.name == "run":
            self._report_implied(outcome)
            return
        for verdict in outcome.verdicts:
            if verdict.name == self.name:
                self.user_properties.extend(
                    [("verdict", verdict.result), ("reason", verdict.reason)]
                )
                self.user_properties.extend(verdict.measured.items())
                self._report(verdict)
                return
        self._inconclusive("the run ended before this could be judged")

    def _report_implied(self, outcome: Outcome) -> None:
        implied = [verdict for verdict in outcome.verdicts if verdict.name not in self._file.names]
        doubts = [f"{v.name}: {v.reason}" for v in implied if v.result == "inconclusive"]
        for verdict in implied:
            if verdict.result == "fail":
                self._report(verdict)
        if doubts or outcome.errors.inconclusive:
            self._inconclusive("; ".join([*outcome.errors.inconclusive, *doubts]))

    def _report(self, verdict: Verdict) -> None:
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
        """Return the item's place and its name in reports."""
        return self.path, None, f"{self.path.name}: {self.name}"


def _failed(text: str) -> BaseException:
    """Return an exception that shows `text` without a traceback: no code of the tests failed."""
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
    """The running stack; its `get`, `post` and `put` reach services directly, not via a link."""
    return harness_live


@pytest.fixture
def chaos(harness_live: LiveStack) -> Iterator[Any]:
    """Faults on the running stack; those still active at the end of the test are healed."""
    try:
        yield harness_live.chaos
    finally:
        harness_live.chaos.heal_all()


@pytest.fixture
def history(harness_live: LiveStack) -> Any:
    """A function that returns the history so far, from the start of this test on."""
    since = harness_live.seconds()
    return lambda: harness_live.history(since)
