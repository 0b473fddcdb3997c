"""The pytest plugin: one item an expectation, honest outcomes, and nothing heavy until needed."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harness.checks import Result, Verdict
from harness.errors import StackError
from harness.pytest_plugin import stack_directory
from harness.run import RunErrors

SCENARIO = """
name: one
title: One
load: {journeys: experiments.journeys, duration: 1h}
expect: [quiesced, {notices: {first: 1h, every: 6h, after: 1h}}]
"""
NAMES = ("quiesced", "notices")


def outcome(results: Sequence[Result], names: Sequence[str] = NAMES, **errors: Any) -> Any:
    return SimpleNamespace(
        folder=Path("runs/x"),
        errors=RunErrors(**errors),
        verdicts=tuple(
            Verdict(check=n, name=n, result=r, reason=f"because {n}", measured={"gap": 3})
            for n, r in zip(names, results, strict=False)
        ),
    )


def test_a_scenario_in_python_is_not_a_test_module(pytester: pytest.Pytester) -> None:
    (pytester.path / "two.scenario.py").write_text(
        "from harness.scenario import Load, Scenario\n"
        "scenario = Scenario(name='two', title='Two', expect=['quiesced'],\n"
        "    load=Load(journeys='experiments.journeys', duration='1h'))\n"
    )
    for named in ((), ("two.scenario.py",)):
        done = pytester.runpytest_subprocess("--collect-only", "-q", "-p", "no:locust", *named)
        done.stdout.fnmatch_lines(
            ["*two.scenario.py::run", "*two.scenario.py::quiesced", "", "2 *"]
        )


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    (pytester.path / "one.scenario.yaml").write_text(SCENARIO)

    def go(result: Any, *arguments: str) -> pytest.RunResult:
        executions: list[object] = []

        def execute(*given: object, **options: object) -> Any:
            del options
            executions.append(given)
            if isinstance(result, BaseException):
                raise result
            return result

        monkeypatch.setattr("harness.run.execute", execute)
        monkeypatch.setattr(
            "harness.run.prepare",
            lambda *_, **__: SimpleNamespace(scenario=SimpleNamespace(name="one")),
        )
        done = pytester.runpytest("-p", "no:locust", "-ra", "--junit-xml=out.xml", *arguments)
        assert len(executions) == 1
        return done

    return go


@pytest.mark.parametrize(
    ("results", "errors", "expected"),
    [
        (("pass", "pass"), {}, {"passed": 3}),
        (("pass", "fail"), {}, {"passed": 2, "failed": 1}),
        (("pass", "inconclusive"), {}, {"passed": 2, "skipped": 1}),
        (("pass", "pass"), {"inconclusive": ("never started",)}, {"passed": 2, "skipped": 1}),
        (("pass", "pass"), {"broken": ("border died",)}, {"passed": 2, "errors": 1}),
        (("pass", "fail"), {"broken": ("border died",)}, {"passed": 1, "failed": 1, "errors": 1}),
        ((), {"unhealed": ("link stuck",)}, {"errors": 1, "skipped": 2}),
    ],
)
def test_each_expectation_is_an_item_with_its_verdict(
    run: Any,
    results: Sequence[Result],
    errors: dict[str, tuple[str, ...]],
    expected: dict[str, int],
) -> None:
    done = run(outcome(results, **errors))
    done.assert_outcomes(**expected)


@pytest.mark.parametrize("how", ["--harness-strict", "--override-ini=harness_strict=true"])
def test_strict_makes_inconclusive_items_fail(run: Any, how: str) -> None:
    done = run(outcome(("pass", "inconclusive"), inconclusive=("never started",)), how)
    done.assert_outcomes(passed=1, failed=2)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["*inconclusive: never started*", "*inconclusive: because notices*"])


@pytest.mark.parametrize(
    ("result", "expected"), [("inconclusive", {"skipped": 1}), ("fail", {"failed": 1})]
)
def test_a_verdict_that_the_scenario_does_not_name_belongs_to_the_run(
    run: Any, result: Result, expected: dict[str, int]
) -> None:
    done = run(outcome((result, "pass", "pass"), ("generator_healthy", *NAMES)))
    done.assert_outcomes(passed=2, **expected)
    done.stdout.fnmatch_lines(["*because generator_healthy*"])


@pytest.mark.parametrize("arguments", [(), ("--harness-strict",)])
def test_an_interrupted_run_shows_no_failures_and_ends_the_session(
    run: Any, pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_z_later="def test_later(): pass")
    done = run(outcome(("pass", "fail"), interrupted="interrupted by SIGINT"), *arguments)
    done.assert_outcomes(skipped=3)
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.stdout.fnmatch_lines(["SKIPPED *interrupted by SIGINT*"])


def test_an_interrupted_run_still_reports_unhealed_faults(run: Any) -> None:
    done = run(outcome((), interrupted="interrupted by SIGINT", unhealed=("link stuck",)))
    done.assert_outcomes(errors=1, skipped=2)
    done.stdout.fnmatch_lines(["*link stuck*"])


@pytest.mark.parametrize(
    "error", [StackError("border does not start"), OSError("border does not start")]
)
def test_a_run_that_raises_is_an_error_of_each_item_and_is_not_repeated(
    run: Any, error: Exception
) -> None:
    done = run(error)  # which counts the executions
    done.assert_outcomes(errors=3)
    assert done.stdout.str().count("ERROR one.scenario.yaml") == 3
    done.stdout.fnmatch_lines(["ERROR one.scenario.yaml::*border does not start"] * 3)
    assert ("harness/pytest_plugin.py" in done.stdout.str()) == isinstance(error, OSError)


def test_a_scenario_that_needs_another_backend_is_skipped_with_the_reason(
    pytester: pytest.Pytester, pytestconfig: pytest.Config
) -> None:
    (pytester.path / "one.scenario.yaml").write_text(
        SCENARIO.replace(
            "{journeys: experiments.journeys, duration: 1h}",
            "{journeys: experiments.journeys, duration: 1h, params: {airports: {cgk: "
            "{flights_per_hour: 4, passengers: 3}}}}",
        )
        + "timeline: [{at: 1m, fault: fill, on: {service: office}}]\n"
    )
    done = pytester.runpytest(
        "-p", "no:locust", "-rs", "--harness-strict", f"--harness-stack={pytestconfig.rootpath}"
    )
    done.assert_outcomes(skipped=3)
    done.stdout.fnmatch_lines(["*fill needs containers; run with --harness-on compose*"])


def test_junit_distinguishes_failures_and_errors(run: Any, pytester: pytest.Pytester) -> None:
    run(outcome(("pass", "fail"), broken=("border died",)))
    suite = ET.parse(pytester.path / "out.xml").getroot()[0]
    kinds = {case.get("name"): [child.tag for child in case][1:] for case in suite}
    assert kinds == {"run": ["error"], "quiesced": [], "notices": ["failure"]}


def test_the_timeout_of_an_item_follows_the_scenario(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pytest_timeout")
    (pytester.path / "one.scenario.yaml").write_text(SCENARIO + "pace: 60\nsettle: 2h\n")
    pytester.makeini("[pytest]\ntimeout = 1")
    items, _ = pytester.inline_genitems("-p", "no:locust", "--strict-markers")
    markers = [item.get_closest_marker("timeout") for item in items]
    assert [marker and marker.args for marker in markers] == [(60.0 + 120.0 + 120.0,)] * 3


def test_no_timeout_is_marked_without_its_plugin(pytester: pytest.Pytester) -> None:
    (pytester.path / "one.scenario.yaml").write_text(SCENARIO)
    done = pytester.runpytest(
        "-p", "no:locust", "-p", "no:timeout", "--strict-markers", "--collect-only"
    )
    assert done.ret == pytest.ExitCode.OK


def test_a_failure_shows_the_reason_and_no_traceback(run: Any) -> None:
    done = run(outcome(("pass", "fail")))
    done.stdout.fnmatch_lines(["*because notices*"])
    assert "Traceback" not in done.stdout.str()
    assert "runtest" not in done.stdout.str()


def test_junit_carries_the_measured_figures(run: Any, pytester: pytest.Pytester) -> None:
    run(outcome(("pass", "pass")))
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


def test_other_yaml_files_are_not_collected(pytester: pytest.Pytester) -> None:
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
