"""The harness, unchanged, runs a second system that shares nothing with the reference system."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from harness.stack import CommandRun, Settings, attach, read_stack
from harness.stack.local import LocalStack

HERE = Path(__file__).parent

pytestmark = pytest.mark.stack


def harness(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `harness WORDS` as from a shell."""
    command = [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)


def processes_of(directory: Path) -> list[str]:
    """Return the pids of all stacks whose state directory is under `directory`."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"HARNESS_STATE={directory}/".encode() in environment.read_bytes():
                found.append(environment.parent.name)
    return found


def eventually(condition: Callable[[], bool], limit: float = 20.0) -> None:
    """Wait until `condition` is true, at most `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"did not come true in {limit} s"
        time.sleep(0.02)


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """Copy the stack to a directory of its own, for commands that write their state into it."""
    directory = tmp_path / "shop"
    ignored = shutil.ignore_patterns("__pycache__", ".harness", "runs")
    shutil.copytree(HERE, directory, ignore=ignored)
    yield directory
    harness("down", "--stack", directory)


def test_the_stack_has_no_asgi_application_and_not_only_python() -> None:
    spec = read_stack(HERE, os.environ)

    programs = {
        service.run.argv[0]
        for service in spec.services.values()
        if isinstance(service.run, CommandRun)
    }
    assert programs == {"python3", "perl"}
    assert len(spec.services) == 3


@pytest.mark.parametrize("scenario", ["provider_cut", "worker_killed"])
def test_every_expectation_holds(scenario: str, tmp_path: Path) -> None:
    out = tmp_path / "run"

    done = harness("run", scenario, "--stack", HERE, "--out", out)

    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = json.loads((out / "verdicts.json").read_text())
    assert {verdict["result"] for verdict in verdicts} == {"pass"}
    assert {"exactly_once", "oldest_first"} <= {verdict["check"] for verdict in verdicts}
    assert sorted(path.stem for path in (out / "logs").glob("*.log")) == [
        "pay", "shop", "supervisor", "toxiproxy", "worker",
    ]  # fmt: skip
    judged = harness("judge", out, "--stack", HERE)
    assert judged.returncode == 0, "judged again from the files and the stack's own checks"


def test_a_provider_that_charges_twice_is_detected(copy: Path, tmp_path: Path) -> None:
    pay = copy / "pay.pl"
    keeps_ids = "$charged{$id} = 1;"
    assert keeps_ids in pay.read_text()
    pay.write_text(pay.read_text().replace(keeps_ids, ""))
    scenario = copy / "experiments" / "provider_cut.scenario.yaml"
    # Charges arrive and their answers do not: the shop queues orders that are charged already.
    scenario.write_text(scenario.read_text().replace("fault: cut", "fault: lose_replies"))
    out = tmp_path / "run"

    done = harness("run", "provider_cut", "--stack", copy, "--out", out)

    assert done.returncode == 1, done.stdout + done.stderr
    verdicts = json.loads((out / "verdicts.json").read_text())
    assert "exactly_once" in {v["name"] for v in verdicts if v["result"] == "fail"}


def test_up_status_logs_down(copy: Path) -> None:
    assert harness("up", "--stack", copy, "--pace", "120").returncode == 0
    try:
        assert processes_of(copy)
        assert harness("status", "--stack", copy).returncode == 0
        stack = attach(copy)
        address = stack.address("shop")
        stack.detach()
        answer = httpx.post(
            f"http://{address}/orders", json={"id": "o1", "amount": 5}, trust_env=False
        )
        assert (answer.status_code, answer.json()["status"]) == (201, "charged")
        logs = harness("logs", "shop", "--stack", copy).stdout
        assert '"mode": "automatic"' in logs
        assert logs.startswith("shop | ")
    finally:
        down = harness("down", "--stack", copy)
    assert down.returncode == 0
    assert processes_of(copy) == []


def test_an_order_survives_a_kill_of_the_shop_and_of_the_provider(copy: Path) -> None:
    with LocalStack(read_stack(copy, os.environ), copy / "state") as stack:
        stack.start(Settings(pace=120), lines=lambda *_: None, nodes=lambda _: None)
        stack.kill("pay")
        shop = f"http://{stack.address('shop')}"
        with httpx.Client(trust_env=False, timeout=10) as client:
            queued = client.post(f"{shop}/orders", json={"id": "o1", "amount": 5})
            assert (queued.status_code, queued.json()["status"]) == (202, "queued")
            stack.kill("shop")
            stack.launch("pay")
            stack.launch("shop")
            eventually(lambda: client.get(f"{shop}/status").json()["quiescent"])
            again = client.post(f"{shop}/orders", json={"id": "o1", "amount": 5})
            assert (again.status_code, again.json()["status"]) == (201, "charged")
            charges = client.get(f"http://{stack.address('pay')}/charges").json()
        assert [row["id"] for row in charges["items"]] == ["o1"]
        assert charges["next"] is None


def test_ctrl_c_leaves_no_process(copy: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from harness.cli import main; main()"]
    out = tmp_path / "run"
    words = ["run", "provider_cut", "--stack", str(copy), "--out", str(out)]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "load begins" in line:
                break
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(60) != 0
    assert processes_of(tmp_path) == []
