"""The command line: thin, one line for a user's mistake, and never a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import ExitCode

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
        (("run",), "Missing argument"),
        (("nope",), "No such command"),
    ],
)
def test_a_users_mistake_is_told_without_a_traceback(
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


def test_a_bad_scenario_file_tells_each_problem(
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


def test_judging_what_is_no_run_is_an_error_of_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, "judge", str(tmp_path))
    assert code == ExitCode.BROKEN
    assert err.count("\n") == 1


def test_the_schema_is_json_and_names_the_faults_and_checks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code, out, _ = call(capsys, "schema")
    assert code == ExitCode.PASS
    schema = json.loads(out)
    assert {"fault-cut", "check-exactly_once", "check-bags_match"} <= schema["$defs"].keys()


def test_the_doctor_knows_this_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code, out, _ = call(capsys, "doctor")
    assert code == ExitCode.PASS
    assert "16 services, 32 links" in out


def test_healing_where_nothing_is_left_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = call(capsys, "heal", "--stack", str(tmp_path))
    assert (code, out.strip()) == (ExitCode.PASS, "nothing was left")


def test_down_where_nothing_runs_is_no_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(capsys, "down", "--stack", str(tmp_path))[0] == ExitCode.PASS


def test_status_where_nothing_runs_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, "status", "--stack", str(tmp_path))
    assert code == ExitCode.BROKEN
    assert "harness up" in err


def test_help_is_quick_because_it_imports_no_room() -> None:
    program = (
        "import sys; from harness.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'httpx', 'docker', 'locust', 'starlette', 'requests'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
