"""However a run ends: its exit code says how, its evidence is kept, and nothing is left running."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.chaos import Toxiproxy
from harness.chaos._intents import outstanding
from harness.checks import read_verdicts
from harness.errors import ExitCode
from harness.history import History

from .short import SCENARIO, errors, faults

SHOP = Path(__file__).parents[1] / "foreign_stack"

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Copy the shop into a directory of its own, with the short scenario."""
    directory = tmp_path / "shop"
    ignored = shutil.ignore_patterns("__pycache__", ".harness", "runs", "test_*", "conftest.py")
    shutil.copytree(SHOP, directory, ignore=ignored)
    (directory / "experiments" / "short.scenario.yaml").write_text(SCENARIO)
    return directory


PROGRAM = """
import signal
for number in (signal.SIGINT, signal.SIGHUP):  # as if started by a shell
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
from harness.cli import main
main()
"""


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *map(str, words)]


@pytest.fixture
def running(shop: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start `harness run short` in a process; yield it once the fault is verified."""
    out = tmp_path / "run"
    with subprocess.Popen(
        command("run", "short", "--stack", shop, "--out", out),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        eventually(lambda: "verified" in faults(out) or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
        yield process
        process.kill()


def processes_of(run: Path) -> list[str]:
    """Return the ids of processes that have their state in the folder `run`."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"HARNESS_STATE={run}".encode() in environment.read_bytes():
                found.append(environment.parent.name)
    return found


def eventually(condition: Callable[[], bool], limit: float = 40.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"did not come true in {limit} s"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_heals_its_faults_keeps_its_evidence_and_is_inconclusive(
    running: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    run = tmp_path / "run"
    assert processes_of(run)
    running.send_signal(number)
    output = running.communicate(timeout=60)[0]
    assert running.returncode == ExitCode.INCONCLUSIVE, output
    assert errors(run).interrupted == f"interrupted by {number.name}"
    assert faults(run)[-1] == "healed"
    assert (run / "report.html").is_file()
    assert not processes_of(run)
    assert "Traceback" not in output


def test_a_run_whose_fault_somebody_else_ends_is_inconclusive(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    [lease] = run.rglob("lease")
    server = Toxiproxy(outstanding(lease.parent)[0].where)
    for name, proxy in server.proxies().items():
        if not proxy.enabled:
            server.enable(name)
    server.close()
    output = running.communicate(timeout=100)[0]
    assert running.returncode == ExitCode.INCONCLUSIVE, output
    assert faults(run) == ["asked", "injected", "verified", "lost", "healing", "healed"]
    verdict = next(
        one for one in read_verdicts(run / "verdicts.json") if one.check == "faults_bite"
    )
    assert verdict.reason.endswith("its proxy is enabled")


def test_a_run_that_is_interrupted_before_its_epoch_has_a_report(
    shop: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with subprocess.Popen(
        command("run", "short", "--stack", shop, "--out", run),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        eventually(lambda: (run / "load.log").exists() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)[0]
    assert process.returncode == ExitCode.INCONCLUSIVE, output
    assert errors(run).interrupted == "interrupted by SIGINT"
    assert (run / "report.html").stat().st_size < 100_000
    assert all(abs(event.t) < 60 for event in History.read(run).events)
    assert not processes_of(run)


def test_a_killed_run_can_be_healed_and_judged(
    running: subprocess.Popen[str], shop: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    running.kill()
    running.wait()
    healed = subprocess.run(
        command("heal", "--stack", shop), capture_output=True, text=True, check=False, timeout=60
    )
    assert healed.returncode == ExitCode.PASS, healed.stdout + healed.stderr
    eventually(lambda: not processes_of(run))
    assert not list((shop / ".harness" / "runs").iterdir())
    judged = subprocess.run(
        command("judge", run), capture_output=True, text=True, check=False, timeout=60
    )
    assert judged.returncode == ExitCode.BROKEN, judged.stdout + judged.stderr
    assert "cut short" in judged.stdout


def test_heal_does_not_touch_a_run_under_way(running: subprocess.Popen[str], shop: Path) -> None:
    healed = subprocess.run(
        command("heal", "--stack", shop), capture_output=True, text=True, check=False, timeout=60
    )
    assert "still under way" in healed.stdout
    assert running.poll() is None


def test_a_service_that_does_not_start_ends_the_run_with_its_last_output(
    shop: Path, tmp_path: Path
) -> None:
    (shop / "pay.pl").write_text('die "no vault today\\n";\n')
    run = tmp_path / "run"
    done = subprocess.run(
        command("run", "short", "--stack", shop, "--out", run),
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == ExitCode.BROKEN, done.stdout + done.stderr
    assert "no vault today" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert (run / "report.html").is_file()
    assert not processes_of(run)


@pytest.mark.parametrize(("victim", "program"), [("worker", "worker.py"), ("toxiproxy", "proxy")])
def test_a_service_that_exits_unexpectedly_ends_the_run_and_is_named(
    running: subprocess.Popen[str], tmp_path: Path, victim: str, program: str
) -> None:
    run = tmp_path / "run"
    process = next(pid for pid in processes_of(run) if program in cmdline(pid))
    os.kill(int(process), signal.SIGKILL)
    output = running.communicate(timeout=60)[0]
    assert running.returncode == ExitCode.BROKEN, output
    assert f"{victim} exited unexpectedly" in errors(run).broken[0]
    assert not errors(run).unhealed
    assert not processes_of(run)


def test_a_load_generator_that_cannot_keep_up_makes_the_run_inconclusive(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    (load,) = [pid for pid in children(running.pid) if "locust" in cmdline(pid)]
    os.kill(int(load), signal.SIGSTOP)
    time.sleep(4.0)  # there is no event to wait for: nothing happens meanwhile
    os.kill(int(load), signal.SIGCONT)
    output = running.communicate(timeout=90)[0]
    assert running.returncode == ExitCode.INCONCLUSIVE, output
    verdicts = {verdict.name: verdict for verdict in read_verdicts(tmp_path / "run/verdicts.json")}
    assert verdicts["generator_healthy"].result == "inconclusive", output
    assert verdicts["quiesced"].result == "pass", output


def test_a_fault_that_cannot_be_healed_is_reported_with_what_to_do_by_hand(
    running: subprocess.Popen[str], shop: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    proxy = next(pid for pid in processes_of(run) if "proxy" in cmdline(pid))
    os.kill(int(proxy), signal.SIGSTOP)  # from now on it accepts connections and never answers
    output = running.communicate(timeout=110)[0]
    assert running.returncode == ExitCode.UNHEALED, output
    (text,) = errors(run).unhealed
    assert "by hand: enable the proxies and delete their toxics" in text
    assert "Traceback" not in output
    assert not processes_of(run)
    healed = subprocess.run(
        command("heal", "--stack", shop), capture_output=True, text=True, check=False, timeout=60
    )
    assert healed.returncode == ExitCode.PASS, healed.stdout + healed.stderr


def children(process: int) -> list[str]:
    """Return the ids of the child processes of `process`."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(status.parent.name)
    return found


def cmdline(pid: str) -> str:
    with suppress(OSError):
        return Path("/proc", pid, "cmdline").read_text()
    return ""
