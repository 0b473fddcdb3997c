"""Judging a run from its folder: exit code, damaged files, and folders of other versions."""

import errno
import json
import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness import __version__
from harness.checks import Result, Verdict
from harness.errors import ExitCode, HarnessError, UsageError
from harness.history import Ended, Generator, Invoke, Ok, Phase, Started, Writer
from harness.run import RunErrors, judge
from harness.run._errors import write_errors
from harness.run._folder import RunFolder
from harness.run._format import FORMAT
from harness.run._outcome import exit_code, expectations
from harness.scenario import Scenario

NOW = datetime(2024, 6, 20, tzinfo=UTC)


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
def test_the_exit_code_is_the_worst_and_an_inconclusive_run_does_not_pass(
    results: list[Result], errors: RunErrors, code: ExitCode
) -> None:
    assert exit_code(tuple(verdict(result) for result in results), errors) is code


def test_an_unhealed_fault_is_reported_once() -> None:
    unhealed, other = "cut on a: not healed: no answer", "a step never started"
    errors = RunErrors(
        unhealed=(unhealed,), inconclusive=(f"step 'gone': UnhealedError: {unhealed}", other)
    )
    assert errors.all == (unhealed, other)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "run", tmp_path, "x", NOW)
    folder.write_scenario(
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
    writer.write(
        Started(
            backend="local", t=0.0, scenario="x", seed=0, pace=1.0, epoch=0.0, origin="2024-06-20"
        )
    )
    writer.write(Phase(t=0.5, name="load"))
    for n in range(30):
        common = {"id": str(n), "op": "o", "service": "s"}
        writer.write(Invoke(t=0.6, actor="a", journey="j", due=0.6, **common))  # type: ignore[arg-type]
        writer.write(Ok(t=0.7, latency=0.1, status=200, **common))  # type: ignore[arg-type]
    writer.write(Generator(t=0.8, worker="0", cpu=0.1, state="finished"))
    writer.write(Ended(t=1.0, quiescent=True))
    writer.close()
    return folder


def test_a_run_can_be_judged_again_from_its_files_alone(folder: RunFolder) -> None:
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


def test_a_folder_that_is_not_a_runs_is_refused(folder: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no run: it has no run\.json; name the folder"):
        judge(tmp_path)
    with pytest.raises(UsageError, match="is not a folder; name the folder of a run"):
        judge(tmp_path / "nothing")
    (folder.path / "scenario.json").unlink()
    with pytest.raises(
        UsageError, match=r"holds no run: it has no scenario\.json; name the folder"
    ):
        judge(folder.path)


def test_a_folder_states_its_format_from_the_first_moment(tmp_path: Path) -> None:
    folder = RunFolder.create(None, tmp_path, "x", NOW)
    assert folder.path.name.startswith("x-20240620-000000-")
    statement = json.loads((folder.path / "run.json").read_text())
    assert statement == {"format": FORMAT, "harness": __version__}


@pytest.mark.parametrize(
    ("name", "content", "writer"),
    [
        (
            "run.json",
            {"format": FORMAT + 1, "harness": "9.9"},
            f"harness 9.9 (format {FORMAT + 1})",
        ),
        ("stack.json", {"harness": "0.0.9"}, "harness 0.0.9 (format 1)"),
        ("stack.json", {}, "an earlier harness (format 1)"),
        ("stack.json", [], "an earlier harness (format 1)"),
        (None, None, "an earlier harness (format 1)"),
    ],
)
def test_a_folder_of_another_format_is_refused_with_the_version_that_wrote_it(
    folder: RunFolder, name: str | None, content: object, writer: str
) -> None:
    (folder.path / "run.json").unlink()  # as before format 2
    folder.write("scenario.json", '{"written": "by another version"}')
    if name is not None:
        folder.write(name, json.dumps(content))
    with pytest.raises(UsageError) as caught:
        judge(folder.path)
    assert str(caught.value) == (
        f"{folder.path}: was written by {writer}; this version, {__version__}, reads format "
        f"{FORMAT}; run the scenario again"
    )
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("name", ["run.json", "scenario.json", "stack.json", "errors.json"])
def test_a_damaged_file_of_a_run_is_named_with_the_cure(folder: RunFolder, name: str) -> None:
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


def test_faults_and_load_are_checked_in_every_run() -> None:
    checked = {e.name: e.params for e in expectations(scenario("quiesced"))}
    assert checked == {"faults_bite": {"steps": ["gone"]}, "generator_healthy": {}, "quiesced": {}}


def test_a_scenario_can_set_the_parameters_of_these_checks() -> None:
    own = {"generator_healthy": {"lag": "1s"}}
    checked = [(e.name, e.params) for e in expectations(scenario("faults_bite", own))]
    assert checked == [("faults_bite", {"steps": ["gone"]}), ("generator_healthy", {"lag": "1s"})]


CHECK = """
from pathlib import Path
from harness.checks import Check, Verdict
from harness.history import History

Path(__file__).with_name("imported").touch()

class Own(Check, name={name!r}):
    \"\"\"Passes always.\"\"\"

    def judge(self, history: History) -> Verdict:
        return Verdict(check={name!r}, name={name!r}, result="pass", reason="imported")
"""


def make_stack(directory: Path, check: str, name: str = "shop") -> Path:
    """Write a stack with a check of its own, `check`, in the module `checks_CHECK`."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"checks_{check}.py").write_text(CHECK.format(name=check))
    (directory / "docker-compose.yml").write_text(
        f"name: {name}\nx-harness: {{checks: [checks_{check}]}}\n"
        "services:\n"
        "  toxiproxy: {image: 'ghcr.io/shopify/toxiproxy:2.12.0'}\n"
        "  a: {image: a, x-harness: {site: s, command: [sleep, inf]}}\n"
    )
    return directory


def expect_check(folder: RunFolder, check: str, directory: Path) -> None:
    """Let the run in `folder` expect `check` and name the stack in `directory`."""
    write_errors(folder, RunErrors())
    content = json.loads((folder.path / "scenario.json").read_text())
    folder.write("scenario.json", json.dumps({**content, "expect": ["quiesced", check]}))
    stack = {"name": "shop", "directory": str(directory), "checks": [f"checks_{check}"]}
    folder.write("stack.json", json.dumps(stack))


NOT_FOUND = "the stack's own check {} was not found; name its stack with --stack DIR"


def test_a_folder_does_not_name_code_that_is_run(folder: RunFolder) -> None:
    make_stack(folder.path, "of_a_stranger")
    expect_check(folder, "of_a_stranger", folder.path)
    outcome = judge(folder.path)
    assert outcome.exit_code is ExitCode.INCONCLUSIVE
    assert outcome.verdicts[-1].reason == NOT_FOUND.format("of_a_stranger")
    assert not (folder.path / "imported").exists()


def test_a_stack_in_the_folder_is_not_the_one_in_the_current_directory(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_stack(folder.path / "logs", "inside"))
    expect_check(folder, "inside", folder.path)
    assert judge(folder.path).verdicts[-1].result == "inconclusive"
    assert not (folder.path / "logs" / "imported").exists()


def test_the_checks_of_a_named_stack_judge(folder: RunFolder, tmp_path: Path) -> None:
    stack = make_stack(tmp_path / "stack", "of_named_stack", name="other")
    expect_check(folder, "of_named_stack", tmp_path / "moved")
    assert judge(folder.path, stack).exit_code is ExitCode.PASS


@pytest.mark.parametrize(("name", "result"), [("shop", "pass"), ("other", "inconclusive")])
def test_the_stack_in_the_current_directory_judges_if_it_has_the_name_of_the_runs(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, result: Result
) -> None:
    monkeypatch.chdir(make_stack(tmp_path / "stack", f"here_{name}", name))
    expect_check(folder, f"here_{name}", tmp_path / "moved")
    assert judge(folder.path).verdicts[-1].result == result
    assert (tmp_path / "stack" / "imported").exists() is (result == "pass")


def test_a_named_directory_without_a_stack_is_refused(folder: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"docker-compose\.yml"):
        judge(folder.path, tmp_path)


@pytest.mark.parametrize("content", ["[]", '{"checks": 5}', '{"versions": 7}', '{"name": 3}'])
def test_a_stack_file_with_wrong_content_is_named(folder: RunFolder, content: str) -> None:
    write_errors(folder, RunErrors())
    folder.write("stack.json", content)
    with pytest.raises(HarnessError, match=r"stack\.json: is damaged: .*; copy the run again"):
        judge(folder.path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n\0"])
def test_a_history_without_its_first_event_is_named(folder: RunFolder, content: bytes) -> None:
    write_errors(folder, RunErrors())
    folder.history.write_bytes(content)
    with pytest.raises(HarnessError, match="the history has no `started` event") as caught:
        judge(folder.path)
    assert str(folder.path) in str(caught.value)


WRITTEN = ("verdicts.json", "report.html", "junit.xml", "summary.md")


def test_a_symbolic_link_in_the_folder_is_replaced_and_not_followed(
    folder: RunFolder, tmp_path: Path
) -> None:
    write_errors(folder, RunErrors())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    drafts = ["verdicts.draft", *(f".{name}.draft" for name in WRITTEN)]
    for name in (*WRITTEN, *drafts):
        (folder.path / name).symlink_to(elsewhere)
    assert judge(folder.path).exit_code is ExitCode.PASS
    assert elsewhere.read_text() == "mine"
    assert not any((folder.path / name).is_symlink() for name in WRITTEN)


def test_a_file_that_is_read_may_be_a_symbolic_link(folder: RunFolder, tmp_path: Path) -> None:
    write_errors(folder, RunErrors())
    scenario = folder.path / "scenario.json"
    scenario.symlink_to(scenario.rename(tmp_path / "scenario.json"))
    assert judge(folder.path).exit_code is ExitCode.PASS


def test_a_full_disk_is_reported_with_the_folder_and_the_cure(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_errors(folder, RunErrors())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    text = f"{folder.path}: the evidence cannot be written: No space left on device; free disk"
    with pytest.raises(HarnessError, match=re.escape(text)):
        judge(folder.path)


def test_a_history_with_a_damaged_line_proves_nothing(folder: RunFolder) -> None:
    write_errors(folder, RunErrors())
    with (folder.parts / "harness.jsonl").open("ab") as part:
        part.write(b"\xff\n")
    outcome = judge(folder.path)
    assert outcome.exit_code is ExitCode.INCONCLUSIVE
    assert "1 damaged line had to be left out" in outcome.errors.inconclusive[0]


def test_only_the_owner_can_enter_a_new_folder_whatever_the_umask(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        folder = RunFolder.create(None, tmp_path, "x", NOW)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
