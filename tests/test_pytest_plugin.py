"""The pytest plugin: one item an expectation, honest outcomes, and nothing heavy until needed."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.checks import Result, Verdict
from harness.pytest_plugin import stack_directory
from harness.run import Trouble

SCENARIO = """
name: one
title: One
load: {journeys: experiments.journeys, duration: 1h}
expect: [quiesced, {notices: {first: 1h, every: 6h, after: 1h}}]
"""
ROOT = Path(__file__).parents[1]


def outcome(results: Sequence[Result], **trouble: tuple[str, ...]) -> Any:
    names = ("quiesced", "notices")
    return SimpleNamespace(
        folder=Path("runs/x"),
        trouble=Trouble(**trouble),
        verdicts=tuple(
            Verdict(check=n, name=n, result=r, reason=f"because {n}", measured={"gap": 3})
            for n, r in zip(names, results, strict=False)
        ),
    )


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    (pytester.path / "one.scenario.yaml").write_text(SCENARIO)

    def go(result: Any, *arguments: str) -> pytest.RunResult:
        executions: list[object] = []

        def execute(*given: object, **options: object) -> Any:
            del options
            executions.append(given)
            return result

        monkeypatch.setattr("harness.run.execute", execute)
        monkeypatch.setattr(
            "harness.run.prepare", lambda *_: SimpleNamespace(scenario=SimpleNamespace(name="one"))
        )
        pytester.inline_run("-p", "no:locust", *arguments)
        assert len(executions) <= 1
        return pytester.runpytest("-p", "no:locust", "-ra", *arguments)

    return go


@pytest.mark.parametrize(
    ("results", "trouble", "expected"),
    [
        (("pass", "pass"), {}, {"passed": 3}),
        (("pass", "fail"), {}, {"passed": 2, "failed": 1}),
        (("pass", "inconclusive"), {}, {"passed": 2, "skipped": 1}),
        (("pass", "pass"), {"inconclusive": ("interrupted",)}, {"passed": 2, "skipped": 1}),
        (("pass", "pass"), {"broken": ("border died",)}, {"passed": 2, "failed": 1}),
        ((), {"unhealed": ("link stuck",)}, {"failed": 1, "skipped": 2}),
    ],
)
def test_each_expectation_is_an_item_with_its_verdict(
    run: Any,
    results: Sequence[Result],
    trouble: dict[str, tuple[str, ...]],
    expected: dict[str, int],
) -> None:
    done = run(outcome(results, **trouble))
    done.assert_outcomes(**expected)


def test_a_failure_shows_the_reason_and_no_traceback(run: Any) -> None:
    done = run(outcome(("pass", "fail")))
    done.stdout.fnmatch_lines(["*because notices*"])
    assert "Traceback" not in done.stdout.str()
    assert "runtest" not in done.stdout.str()


def test_junit_carries_the_measured_figures(run: Any, pytester: pytest.Pytester) -> None:
    run(outcome(("pass", "pass")), "--junit-xml=out.xml")
    text = (pytester.path / "out.xml").read_text()
    assert '<property name="gap" value="3"' in text
    assert '<property name="verdict" value="pass"' in text


def test_a_bad_scenario_is_a_collection_error_of_one_line(pytester: pytest.Pytester) -> None:
    (pytester.path / "bad.scenario.yaml").write_text("name: x\n")
    done = pytester.runpytest("-p", "no:locust")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*bad.scenario.yaml: title: is missing*"])
    assert "Traceback" not in done.stdout.str()


def test_a_scenario_belongs_to_the_nearest_stack_above_it(
    pytester: pytest.Pytester, pytestconfig: pytest.Config
) -> None:
    shop = pytester.mkdir("shop")
    (shop / "docker-compose.yml").touch()
    assert stack_directory(pytestconfig, shop / "experiments" / "x.scenario.yaml") == shop


def test_other_yaml_files_are_left_alone(pytester: pytest.Pytester) -> None:
    (pytester.path / "one.yaml").write_text("a: 1")
    assert pytester.runpytest("-p", "no:locust").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    program = (
        "import sys, harness.pytest_plugin\n"
        "heavy = {'pydantic', 'httpx', 'docker', 'locust', 'starlette', 'yaml', 'asyncio'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
