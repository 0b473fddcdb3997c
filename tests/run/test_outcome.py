"""The exit code is the worst of what happened, and a run can be judged again from its files."""

import errno
import json
import os
import re
from pathlib import Path

import pytest

from harness.checks import Result, Verdict
from harness.errors import ExitCode, HarnessError, UsageError
from harness.history import Ended, Generator, Invoke, Ok, Phase, Started, Writer
from harness.run import RunErrors, judge
from harness.run._folder import RunFolder
from harness.run._outcome import exit_code, expectations, write_errors
from harness.scenario import Scenario


def verdict(result: Result) -> Verdict:
    return Verdict(check="c", name="c", result=result, reason="r")


@pytest.mark.parametrize(
    ("results", "errors", "code"),
    [
        (["pass", "pass"], RunErrors(), ExitCode.PASS),
        (["pass", "fail"], RunErrors(), ExitCode.FAIL),
        (["pass", "inconclusive"], RunErrors(), ExitCode.INCONCLUSIVE),
        (["fail", "inconclusive"], RunErrors(), ExitCode.FAIL),
        (["pass"], RunErrors(inconclusive=("a step never started",)), ExitCode.INCONCLUSIVE),
        (["fail"], RunErrors(inconclusive=("a step never started",)), ExitCode.FAIL),
        (["fail"], RunErrors(interrupted="interrupted by SIGINT"), ExitCode.INCONCLUSIVE),
        (["fail"], RunErrors(broken=("died",)), ExitCode.BROKEN),
        (["pass"], RunErrors(broken=("died",), unhealed=("stuck",)), ExitCode.UNHEALED),
        ([], RunErrors(), ExitCode.INCONCLUSIVE),
    ],
)
def test_the_worst_wins_and_nothing_proven_is_no_pass(
    results: list[Result], errors: RunErrors, code: ExitCode
) -> None:
    assert exit_code(tuple(verdict(result) for result in results), errors) is code


def test_a_fault_that_cannot_be_healed_is_told_once() -> None:
    told, other = "cut on a: not healed: no answer", "a step never started"
    errors = RunErrors(
        unhealed=(told,), inconclusive=(f"step 'gone': UnhealedError: {told}", other)
    )
    assert errors.all == (told, other)


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
    for n in range(30):
        common = {"id": str(n), "op": "o", "service": "s"}
        writer.write(Invoke(t=0.6, actor="a", journey="j", due=0.6, **common))  # type: ignore[arg-type]
        writer.write(Ok(t=0.7, latency=0.1, status=200, **common))  # type: ignore[arg-type]
    writer.write(Generator(t=0.8, worker="0", cpu=0.1, state="finished"))
    writer.write(Ended(t=1.0, quiescent=True))
    writer.close()
    return folder


def test_a_run_is_judged_again_from_its_files_alone(folder: RunFolder) -> None:
    write_errors(folder, RunErrors())
    first = judge(folder.path)
    assert first.exit_code is ExitCode.PASS
    assert judge(folder.path).verdicts == first.verdicts
    names = {entry.name for entry in folder.path.iterdir()}
    assert {"verdicts.json", "report.html", "junit.xml", "summary.md"} <= names


def test_a_run_that_was_killed_is_judged_as_cut_short(folder: RunFolder) -> None:
    outcome = judge(folder.path)
    assert outcome.exit_code is ExitCode.BROKEN
    assert "cut short" in outcome.errors.broken[0]


def test_what_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no run, for there is no scenario\.json; name the"):
        judge(tmp_path)
    with pytest.raises(UsageError, match="is no folder; name the folder of a run"):
        judge(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["scenario.json", "stack.json", "errors.json"])
def test_a_file_of_a_run_that_is_damaged_is_named_with_the_cure(
    folder: RunFolder, name: str
) -> None:
    write_errors(folder, RunErrors())
    folder.write(name, '{"name": "x"')
    with pytest.raises(HarnessError, match=rf"{name}: .*; copy the run again") as caught:
        judge(folder.path)
    assert caught.value.exit_code is ExitCode.BROKEN
    assert "\n" not in str(caught.value)


def scenario(*expect: object) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "x",
            "title": "X",
            "load": {"journeys": "j", "duration": "1h"},
            "timeline": [{"at": "1m", "name": "gone", "fault": "cut", "on": {"link": "a"}}],
            "expect": expect,
        }
    )


def test_every_run_is_asked_about_its_faults_and_its_load() -> None:
    asked = {e.name: e.params for e in expectations(scenario("quiesced"))}
    assert asked == {"faults_bite": {"steps": ["gone"]}, "generator_healthy": {}, "quiesced": {}}


def test_what_a_scenario_says_of_its_faults_and_load_stands() -> None:
    own = {"generator_healthy": {"lag": "1s"}}
    asked = [(e.name, e.params) for e in expectations(scenario("faults_bite", own))]
    assert asked == [("faults_bite", {"steps": ["gone"]}), ("generator_healthy", {"lag": "1s"})]


def test_a_run_whose_stack_is_elsewhere_is_judged_without_its_own_checks(
    folder: RunFolder, tmp_path: Path
) -> None:
    write_errors(folder, RunErrors())
    there = {"directory": str(tmp_path / "moved"), "checks": ["checks_of_nobody"]}
    folder.write("stack.json", json.dumps(there))
    assert judge(folder.path).exit_code is ExitCode.PASS
    content = json.loads((folder.path / "scenario.json").read_text())
    folder.write(
        "scenario.json", json.dumps({**content, "expect": ["quiesced", "check_of_nobody"]})
    )
    outcome = judge(folder.path)
    assert outcome.exit_code is ExitCode.INCONCLUSIVE
    assert outcome.verdicts[-1].reason == (
        "the stack's own check check_of_nobody is not here; name its stack with --stack DIR"
    )


@pytest.mark.parametrize("content", ["[]", '{"checks": 5}', '{"versions": 7}', '{"directory": 3}'])
def test_a_stack_that_is_none_is_named(folder: RunFolder, content: str) -> None:
    write_errors(folder, RunErrors())
    folder.write("stack.json", content)
    with pytest.raises(HarnessError, match=r"stack\.json: is damaged: .*; copy the run again"):
        judge(folder.path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n\0"])
def test_a_history_without_its_begin_is_named(folder: RunFolder, content: bytes) -> None:
    write_errors(folder, RunErrors())
    folder.history.write_bytes(content)
    with pytest.raises(HarnessError, match="does not say how the run began") as caught:
        judge(folder.path)
    assert str(folder.path) in str(caught.value)


def test_a_full_disk_is_told_with_the_folder_and_the_cure(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_errors(folder, RunErrors())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    told = f"{folder.path}: the evidence cannot be written: No space left on device; make room"
    with pytest.raises(HarnessError, match=re.escape(told)):
        judge(folder.path)


def test_a_history_that_lost_a_line_proves_nothing(folder: RunFolder) -> None:
    write_errors(folder, RunErrors())
    with (folder.parts / "harness.jsonl").open("ab") as part:
        part.write(b"\xff\n")
    outcome = judge(folder.path)
    assert outcome.exit_code is ExitCode.INCONCLUSIVE
    assert "1 damaged line had to be left out" in outcome.errors.inconclusive[0]
