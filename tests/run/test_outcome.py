"""The exit code is the worst of what happened, and a run can be judged again from its files."""

from pathlib import Path

import pytest

from harness.checks import Result, Verdict
from harness.errors import ExitCode, HarnessError
from harness.history import Ended, Phase, Started, Writer
from harness.run import Trouble, judge
from harness.run._folder import RunFolder
from harness.run._outcome import exit_code, expectations, keep_trouble
from harness.scenario import Scenario


def verdict(result: Result) -> Verdict:
    return Verdict(check="c", name="c", result=result, reason="r")


@pytest.mark.parametrize(
    ("results", "trouble", "code"),
    [
        (["pass", "pass"], Trouble(), ExitCode.PASS),
        (["pass", "fail"], Trouble(), ExitCode.FAIL),
        (["pass", "inconclusive"], Trouble(), ExitCode.INCONCLUSIVE),
        (["fail", "inconclusive"], Trouble(), ExitCode.FAIL),
        (["pass"], Trouble(inconclusive=("a step never started",)), ExitCode.INCONCLUSIVE),
        (["fail"], Trouble(inconclusive=("a step never started",)), ExitCode.FAIL),
        (["fail"], Trouble(interrupted="interrupted by SIGINT"), ExitCode.INCONCLUSIVE),
        (["fail"], Trouble(broken=("died",)), ExitCode.BROKEN),
        (["pass"], Trouble(broken=("died",), unhealed=("stuck",)), ExitCode.UNHEALED),
        ([], Trouble(), ExitCode.INCONCLUSIVE),
    ],
)
def test_the_worst_wins_and_nothing_proven_is_no_pass(
    results: list[Result], trouble: Trouble, code: ExitCode
) -> None:
    assert exit_code(tuple(verdict(result) for result in results), trouble) is code


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "run", tmp_path, "x")
    folder.keep_scenario(
        Scenario.model_validate(
            {
                "name": "x",
                "title": "X",
                "load": {"journeys": "j", "duration": "1h"},
                "expect": ["quiesced"],
            }
        )
    )
    writer = Writer(folder.parts / "harness.jsonl")
    writer.write(Started(t=0.0, scenario="x", seed=0, pace=1.0, epoch=0.0, origin="2024-06-20"))
    writer.write(Phase(t=0.5, name="load"))
    writer.write(Ended(t=1.0, quiescent=True))
    writer.close()
    return folder


def test_a_run_is_judged_again_from_its_files_alone(folder: RunFolder) -> None:
    keep_trouble(folder, Trouble())
    first = judge(folder.path)
    assert first.exit_code is ExitCode.PASS
    assert judge(folder.path).verdicts == first.verdicts
    names = {entry.name for entry in folder.path.iterdir()}
    assert {"verdicts.json", "report.html", "junit.xml", "summary.md"} <= names


def test_a_run_that_was_killed_is_judged_as_cut_short(folder: RunFolder) -> None:
    outcome = judge(folder.path)
    assert outcome.exit_code is ExitCode.BROKEN
    assert "cut short" in outcome.trouble.broken[0]


def test_what_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"scenario\.json is missing"):
        judge(tmp_path)
    with pytest.raises(HarnessError, match="is no folder"):
        judge(tmp_path / "nothing")


def test_a_step_that_never_happened_is_missed() -> None:
    scenario = Scenario.model_validate(
        {
            "name": "x",
            "title": "X",
            "load": {"journeys": "j", "duration": "1h"},
            "timeline": [{"at": "1m", "name": "gone", "fault": "cut", "on": {"link": "a"}}],
            "expect": ["faults_bite", "quiesced"],
        }
    )
    assert [e.params for e in expectations(scenario)] == [{"steps": ["gone"]}, {}]
