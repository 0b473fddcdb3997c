"""The command line: thin, one line for a user's mistake, and never a traceback."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from harness.cli import main
from harness.errors import ExitCode, HarnessError

ROOT = Path(__file__).parents[1]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.out, out.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("run", "nope"), "is neither a file nor a scenario"),
        (("run", "brownout", "--stack", "/nonexistent"), "/nonexistent"),
        (("run", "brownout", "--on", "moon"), "--on moon"),
        (("run", "brownout", "--out", "tests"), "is not empty"),
        (("run", "brownout", "--seed", "x"), "'--seed'"),
        (("run", "brown_out"), "did you mean brownout?"),
        (("run",), "Missing argument"),
        (("nope",), "No such command"),
        (("up", "--stack", "README.md"), "--stack README.md: is no directory; name the one in"),
        (("heal", "--stack", "nope"), "--stack nope: is no directory"),
        (("down", "--stack", "nope"), "--stack nope: is no directory"),
        (("judge", "nope"), "nope: is not a folder"),
        (("judge", "docs"), "holds no run"),
        (("judge", "docs", "--stack", "nope"), "--stack nope: is no directory"),
    ],
)
def test_a_users_mistake_gives_a_message_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    text: str,
) -> None:
    monkeypatch.chdir(ROOT)
    code, _, err = call(capsys, *arguments)
    assert code == ExitCode.USAGE
    assert text in err
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_every_problem_of_a_scenario_file_is_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    path = tmp_path / "bad.scenario.yaml"
    path.write_text("name: x\ntitel: y\nexpect: [quiesced]\n")
    code, _, err = call(capsys, "run", str(path))
    assert code == ExitCode.USAGE
    assert f"{path}: title: is missing" in err
    assert f"{path}: load: is missing" in err
    assert f"{path}: titel: unknown key" in err


def test_the_schema_is_json_and_names_the_faults_and_checks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code, out, _ = call(capsys, "schema")
    assert code == ExitCode.PASS
    schema = json.loads(out)
    assert {"fault-cut", "check-exactly_once", "check-bags_match"} <= schema["$defs"].keys()


def test_the_doctor_describes_the_stack(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code, out, _ = call(capsys, "doctor")
    assert code == ExitCode.PASS
    assert "16 services, 32 links" in out


def test_the_doctor_says_which_backend_needs_the_missing_engine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    code, out, _ = call(capsys, "doctor")
    assert code == ExitCode.PASS
    assert "only --on compose needs one; tcp://127.0.0.1:1: no Docker engine answers" in out


def test_heal_says_that_nothing_was_left(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = call(capsys, "heal", "--stack", str(tmp_path))
    assert (code, out.strip()) == (ExitCode.PASS, "nothing was left")


def test_down_without_a_stack_is_no_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(capsys, "down", "--stack", str(tmp_path))[0] == ExitCode.PASS


def test_status_without_a_stack_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, "status", "--stack", str(tmp_path))
    assert code == ExitCode.BROKEN
    assert "harness up" in err


def test_logs_without_a_stack_say_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, "logs", "--stack", str(tmp_path))
    assert code == ExitCode.BROKEN
    assert "no stack has run here; start one: harness up" in err


def test_ctrl_c_outside_a_run_exits_as_inconclusive_with_a_message(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(directory: Path) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.run.heal_everything", interrupted)
    code, out, err = call(capsys, "heal", "--stack", str(tmp_path))
    assert (code, out, err) == (ExitCode.INCONCLUSIVE, "", "harness: interrupted\n")


COMMANDS = ("run", "judge", "up", "status", "logs", "down", "heal", "proxy", "doctor", "schema")


def test_the_help_of_every_command_fits_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--help")
    assert code == ExitCode.PASS
    assert "5 something" in out
    helps = dict(line.split(maxsplit=1) for line in out.splitlines() if line.startswith("  "))
    assert set(helps) >= {*COMMANDS, "version", "images"}
    assert not [text for text in helps.values() if text.endswith("...")]
    for command in COMMANDS:
        assert f"usage: harness {command}" in call(capsys, command, "--help")[1].lower()


@pytest.mark.parametrize("words", [(), ("images",), ("proxy", "-help")])
def test_an_incomplete_command_prints_its_help(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, out, err = call(capsys, *words)
    assert (code, err) == (ExitCode.PASS, "")
    assert out.lower().startswith("usage: harness")


@pytest.mark.parametrize("words", [("run", "flapping"), ("up",)])
def test_build_builds_the_images_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def build(directory: Path, say: Callable[[str], None]) -> None:
        say(f"images for {directory.name}")

    def start(*_: object, **__: object) -> NoReturn:
        raise HarnessError("as far as here")

    monkeypatch.setattr("harness.stack.compose.images.build_images", build)
    monkeypatch.setattr("harness.run.execute", start)
    monkeypatch.setattr("harness.stack.start_detached", start)
    code, out, err = call(capsys, *words, "--on", "compose", "--build", "--stack", str(ROOT))
    assert (code, err) == (ExitCode.BROKEN, "harness: as far as here\n")
    assert out.startswith(f"images for {ROOT.name}\n")


@pytest.mark.parametrize("words", [("run", "flapping"), ("up",)])
def test_build_for_a_backend_without_images_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, _, err = call(capsys, *words, "--build", "--stack", str(ROOT))
    assert code == ExitCode.USAGE
    assert (
        err == "harness: --build: --on local needs no images; leave it out, or use --on compose\n"
    )


def test_a_table_has_one_line_per_row_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    _, out, _ = call(capsys, "doctor")
    head, *rows = out.splitlines()
    assert head.split() == ["what", "found", "means"]
    assert all(row[: head.index("means")].endswith("  ") for row in rows)


def test_help_imports_no_room() -> None:
    program = (
        "import sys; from harness.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'httpx', 'docker', 'locust', 'starlette', 'requests'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
