"""The choice of the engine and of Compose, and the errors about those that cannot be used."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from harness.errors import ExitCode, StackError
from harness.stack.compose._command import Compose
from harness.stack.compose._engine import connect
from harness.stack.compose.images import build_images

from .conftest import command

NOWHERE = "tcp://127.0.0.1:1"

MakeEngine = Callable[..., str]


@pytest.fixture
def fake_engine() -> Iterator[MakeEngine]:
    """Start fake engines, which answer with their API version only; returns the DOCKER_HOST."""
    servers: list[ThreadingHTTPServer] = []

    def make(api: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"ApiVersion": api, "MinAPIVersion": "1.12"}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"tcp://127.0.0.1:{server.server_port}"

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker configuration directory without any configuration."""
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "HARNESS_COMPOSE", "COMPOSE_PROFILES"):
        monkeypatch.delenv(name, raising=False)
    return folder


def create_context(docker_config: Path, name: str, host: str) -> None:
    """Do the same as `docker context create NAME --docker host=HOST`."""
    folder = docker_config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": False}
    content = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (folder / "meta.json").write_text(json.dumps(content))


def use_context(docker_config: Path, name: str) -> None:
    """Do the same as `docker context use NAME`."""
    (docker_config / "config.json").write_text(json.dumps({"currentContext": name}))


def connected_host() -> str:
    """Return the DOCKER_HOST of the engine that `connect` chooses."""
    with closing(connect()) as client:
        return str(client.api.base_url).replace("http://", "tcp://")


# ---- the choice ----------------------------------------------------------------------------------


def test_docker_host_comes_before_any_context(
    docker_config: Path, fake_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_context(docker_config, "away", NOWHERE)
    use_context(docker_config, "away")
    host = fake_engine("1.41")
    monkeypatch.setenv("DOCKER_HOST", host)
    assert connected_host() == host


def test_the_context_in_use_names_the_engine(docker_config: Path, fake_engine: MakeEngine) -> None:
    host = fake_engine("1.41")
    create_context(docker_config, "away", host)
    use_context(docker_config, "away")
    assert connected_host() == host


def test_docker_context_comes_before_the_context_in_use(
    docker_config: Path, fake_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = fake_engine("1.41")
    create_context(docker_config, "in-use", NOWHERE)
    use_context(docker_config, "in-use")
    create_context(docker_config, "away", host)
    monkeypatch.setenv("DOCKER_CONTEXT", "away")
    assert connected_host() == host


def test_a_context_that_does_not_exist_is_an_error(docker_config: Path) -> None:
    use_context(docker_config, "away")
    with pytest.raises(StackError, match="no Docker context is called 'away'; docker context ls"):
        connect()


def test_an_unreadable_context_is_an_error(docker_config: Path) -> None:
    create_context(docker_config, "away", NOWHERE)
    use_context(docker_config, "away")
    (meta,) = docker_config.glob("contexts/meta/*/meta.json")
    meta.write_text("{")
    with pytest.raises(StackError, match="Docker context 'away': cannot be read"):
        connect()


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (NOWHERE, "Connection refused"),
        ("ssh://somebody@nowhere", "Install paramiko"),
        ("nonsense", "Invalid bind address"),
    ],
)
def test_an_unreachable_engine_is_reported_with_the_cure(
    host: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    wanted = rf"^{host}: no Docker engine answers \(.*{why}.*\); start dockerd, set DOCKER_HOST, or"
    with pytest.raises(StackError, match=wanted):
        connect()


def test_a_missing_socket_is_reported_in_one_line_with_exit_code_4() -> None:
    """In a separate process, because the SDK leaks a socket for each unreachable engine."""
    done = subprocess.run(
        command("images", "build"), capture_output=True, text=True, check=False,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"},
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert done.returncode == ExitCode.BROKEN, line
    assert line.startswith(
        "harness: unix:///nowhere/docker.sock: no Docker engine answers (No such file or directory)"
    )


def test_images_are_built_on_the_chosen_engine(docker_config: Path) -> None:
    create_context(docker_config, "away", NOWHERE)
    use_context(docker_config, "away")
    with pytest.raises(StackError, match=f"^{NOWHERE}: no Docker engine answers"):
        build_images(Path(), print)


def test_an_engine_that_is_too_old_is_reported(
    fake_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = fake_engine("1.40")
    monkeypatch.setenv("DOCKER_HOST", host)
    wanted = rf"^{host}: .* has API 1\.40; 1\.41 \(Docker 20\.10\) or newer .*: update the engine"
    with pytest.raises(StackError, match=wanted):
        connect()


def test_an_engine_newer_than_the_sdk_is_used(
    fake_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", fake_engine("1.99"))
    with closing(connect()) as client:
        assert client.api.api_version == "1.99"


# ---- Compose -------------------------------------------------------------------------------------


@pytest.fixture
def compose_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake docker-compose 1.29; the file in which it records its calls."""
    program, calls = tmp_path / "compose.py", tmp_path / "calls.jsonl"
    program.write_text(
        "import json, os, sys\n"
        "if sys.argv[1:] == ['version', '--short']: sys.exit(print('1.29.2'))\n"
        f"with open({str(calls)!r}, 'a') as file:\n"
        "    profiles = os.environ.get('COMPOSE_PROFILES')\n"
        "    file.write(json.dumps([sys.argv[1:], profiles]) + '\\n')\n"
        "print('services: {}')\n"
    )
    monkeypatch.setenv("HARNESS_COMPOSE", f"{sys.executable} {program}")
    return calls


def test_a_missing_compose_is_reported_with_the_commands_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HARNESS_COMPOSE", "no-such-compose --ever")
    wanted = "no Docker Compose answers to no-such-compose --ever; install the Compose plugin"
    with pytest.raises(StackError, match=wanted):
        Compose.find()


@pytest.mark.parametrize(
    ("stderr", "reported"),
    [
        ("one\ntwo\nthree\nfour\nfive\n", "two | three | four | five"),
        ("one\nTraceback (most recent call last):\n  File x\n   ^^^^^\nWhy: so\n", "Why: so"),
        ("", "no output"),
    ],
)
def test_the_last_lines_of_compose_are_reported(
    stderr: str, reported: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "compose.py"
    program.write_text(
        "import sys\n"
        "if sys.argv[1:] == ['version', '--short']: sys.exit(print('2.27.0'))\n"
        f"sys.stderr.write({stderr!r})\n"
        "sys.exit(7)\n"
    )
    monkeypatch.setenv("HARNESS_COMPOSE", f"{sys.executable} {program}")
    with pytest.raises(StackError) as caught:
        Compose.find().create("tiny", tmp_path, [tmp_path / "docker-compose.yml"])
    assert str(caught.value).endswith(f" up --no-start failed (7): {reported}")


def test_compose_1_gets_the_docker_context_and_no_compose_gets_profiles(
    compose_1: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "away")
    monkeypatch.setenv("COMPOSE_PROFILES", "load")
    compose = Compose.find()
    compose.config("tiny", tmp_path, [tmp_path / "docker-compose.yml"])
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    compose.config("tiny", tmp_path, [tmp_path / "docker-compose.yml"])

    calls = [json.loads(line) for line in compose_1.read_text().splitlines()]
    assert [words[:2] for words, _ in calls] == [["--context", "away"], ["-p", "tiny"]]
    assert [profiles for _, profiles in calls] == ["", ""]
