"""A plain locustfile with the recorder attached, and the harness's own one started by hand."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.history import Fail, Generator, Invoke, Ok, Unknown
from harness.load import LoadConfig

from .conftest import config, recorded, refusing
from .server import Server

pytestmark = pytest.mark.stack

PLAIN = """
import os, time
from pathlib import Path
from locust import FastHttpUser, HttpUser, events, task
from harness.load import attach_recorder

CALLS = ["/ok", "/status/503", "/status/500", "/close", "/cut"]

@events.init.add_listener
def record(environment, **_):
    attach_recorder(environment, **eval(os.environ["ATTACH"]))

class Plain({base}):
    host = os.environ["TARGET"]
    fixed_count = 1

    @task
    def everything(self):
        for path in CALLS:
            context = dict(actor="me", journey="plain", due=time.time() - 1, basket=3)
            self.client.post(path, name=f"POST {{path}}", json={{}}, context=context)
        with self.client.get("/ok", name="disliked", catch_response=True) as answer:
            answer.failure("not what I wanted")
        self.client.get(os.environ["NOBODY"], name="refused")
        self.environment.runner.quit()
"""

OPTIONS = ["--headless", "-u", "1", "--only-summary", "--exit-code-on-error", "0"]

EXPECTED = {
    "POST /ok": (Ok, 201),
    "POST /status/503": (Fail, 503),
    "POST /status/500": (Unknown, 500),
    "POST /close": (Unknown, 0),
    "disliked": (Ok, 201),
    "refused": (Fail, 0),
}


def locust(file: Path, environment: dict[str, str], run: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(file), *OPTIONS],
        cwd=run,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("base", ["FastHttpUser", "HttpUser"])
def test_a_users_own_locustfile_is_recorded(base: str, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "locustfile.py"
    file.write_text(PLAIN.format(base=base))
    attach = f"dict(part=Path('parts/load.jsonl'), addresses={{'shop': {server.address!r}}})"
    environment = {
        "ATTACH": attach,
        "TARGET": f"http://{server.address}",
        "NOBODY": f"http://{refusing()}/x",
    }
    ended = locust(file, environment, tmp_path)
    assert ended.returncode == 0, ended.stderr
    events = recorded(tmp_path)
    asked = {event.op: event for event in events if isinstance(event, Invoke)}
    answers = {event.op: event for event in events if isinstance(event, Ok | Fail | Unknown)}
    assert {op: (type(answers[op]), answers[op].status) for op in EXPECTED} == EXPECTED
    assert type(answers["POST /cut"]) is Unknown
    assert {op: event.id for op, event in asked.items()} == {
        op: event.id for op, event in answers.items()
    }
    ok = asked["POST /ok"]
    assert (ok.actor, ok.journey, ok.service, ok.input) == ("me", "plain", "shop", {"basket": 3})
    assert ok.t - ok.due == pytest.approx(1.0, abs=0.5)
    assert answers["POST /ok"].value["path"] == "/ok"
    assert "not what I wanted" in answers["disliked"].error
    assert isinstance(events[-1], Generator)
    assert events[-1].state == "finished"


def test_a_run_configures_a_users_own_locustfile(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "locustfile.py"
    file.write_text(PLAIN.format(base="FastHttpUser"))
    written = _write(tmp_path, config(server, epoch=0.0, part="parts/load-7.jsonl"))
    environment = {
        "ATTACH": "{}",
        "HARNESS_LOAD": str(written),
        "TARGET": f"http://{server.address}",
        "NOBODY": f"http://{refusing()}/x",
    }
    ended = locust(file, environment, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["load-7.jsonl"]
    invoked = [event for event in recorded(tmp_path) if isinstance(event, Invoke)]
    assert {event.service for event in invoked} == {"server", "refusing"}
    assert all(event.t > 1e9 for event in invoked)  # of an epoch at 0, so Unix time


def test_the_harness_own_locustfile_can_be_started_by_hand(server: Server, tmp_path: Path) -> None:
    import harness.load

    written = _write(tmp_path, config(server, "POST /ok", "POST /status/500"))
    file = Path(harness.load.__file__).with_name("locustfile.py")
    ended = locust(file, {"HARNESS_LOAD": str(written)}, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert [event.op for event in recorded(tmp_path) if isinstance(event, Invoke)] == [
        "POST /ok",
        "POST /status/500",
    ]
    assert "POST /status/500" in ended.stdout + ended.stderr  # Locust's own table


def _write(run: Path, load: LoadConfig) -> Path:
    path = run / "load.json"
    path.write_bytes(msgspec.json.encode(load))
    return path
