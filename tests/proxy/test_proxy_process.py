"""The server process: options, log lines, signals, start-up."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from proxy_kit import EMBEDDED, Server, start_embedded, start_without_log
from socket_kit import TIMEOUT_S, Upstream, eventually, exchange, free_port, refuses_connections

import harness.proxy
from harness.proxy._log import Log


def test_the_first_log_line_contains_the_address_of_the_api() -> None:
    server = start_embedded()
    try:
        first = server.first_line
        assert (first["level"], first["event"], first["host"]) == ("info", "listening", "127.0.0.1")
        assert first["port"] > 0
        assert first["address"] == f"127.0.0.1:{first['port']}"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])
        assert server.call("GET", "/version").status == 200
    finally:
        server.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_with_exit_code_0(
    program: list[str], number: signal.Signals, echo: Upstream
) -> None:
    server = start_without_log("either", program)
    try:
        proxy = server.proxy(echo.port)
        with proxy.connect() as client:
            exchange(client, b"x")
            server.process.send_signal(number)
            assert server.process.wait(TIMEOUT_S) == 0
            assert refuses_connections(proxy.port)
            assert refuses_connections(server.port)
    finally:
        server.stop()


@pytest.mark.parametrize("level", ["info", "error"])
def test_log_lines_are_json_and_respect_the_log_level(
    program: list[str], level: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        server = start_without_log("either", program, log=file.fileno(), env={"LOG_LEVEL": level})
    try:
        server.proxy(1)
    finally:
        server.stop()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert bool(lines) == (level == "info")
    assert all({"level", "time"} <= line.keys() for line in lines)
    assert level == "info" or {line["level"] for line in lines} <= {"error"}


def test_options_may_have_one_dash_or_two() -> None:
    for dash in ("-", "--"):
        port = free_port()
        server = start_embedded(f"{dash}port={port}", f"{dash}seed", "7", f"{dash}proxy-metrics")
        try:
            assert (server.port, server.first_line["seed"]) == (port, 7)
            assert server.call("GET", "/metrics").status == 200
        finally:
            server.stop()


def test_without_a_metrics_option_there_are_no_metrics(program: list[str]) -> None:
    server = start_without_log("either", program)
    try:
        assert server.call("GET", "/metrics").status == 404
    finally:
        server.stop()


def test_runtime_metrics_describe_the_process(embedded: Server) -> None:
    lines = embedded.call("POST", "/metrics").text.splitlines()
    names = {line.split(" ")[0] for line in lines if not line.startswith("#")}
    assert {
        "process_cpu_seconds_total", "process_open_fds", "process_max_fds",
        "process_resident_memory_bytes", "process_start_time_seconds",
    } <= names  # fmt: skip


def test_metrics_include_live_connections(embedded: Server, echo: Upstream) -> None:
    proxy = embedded.proxy(echo.port, name="live")
    with proxy.connect() as client:
        exchange(client, b"12345")
        text = embedded.call("GET", "/metrics").text
    assert re.search(r'received_bytes_total\{direction="upstream",.*proxy="live",.*\} 5\n', text)
    assert re.search(r'sent_bytes_total\{direction="downstream",.*proxy="live",.*\} 5\n', text)


@pytest.mark.parametrize("option", ["-version", "--version"])
def test_the_version_option_prints_the_version(program: list[str], option: str) -> None:
    done = subprocess.run(
        [*program, option], capture_output=True, text=True, check=True, timeout=TIMEOUT_S
    )
    assert done.stdout.startswith("toxiproxy-server version 2.12.0")


def test_a_port_in_use_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    server = start_embedded()
    try:
        assert harness.proxy.main(["-host", "127.0.0.1", "-port", str(server.port)]) == 4
    finally:
        server.stop()
    stderr = capsys.readouterr().err
    assert stderr.count("\n") == 1
    assert "address already in use" in stderr
    assert "--port" in stderr


@pytest.mark.parametrize("port", ["65536", "-1", "nosuchservice"])
def test_an_invalid_port_is_a_usage_error(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert harness.proxy.main(["-host", "127.0.0.1", f"-port={port}"]) == 2
    stderr = capsys.readouterr().err
    assert stderr.count("\n") == 1
    assert "--port" in stderr


def test_an_unknown_host_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness.proxy.main(["-host", "256.256.256.256", "-port", "0"]) == 4
    stderr = capsys.readouterr().err
    assert stderr.count("\n") == 1
    assert "256.256.256.256: no such host" in stderr
    assert "--host" in stderr


@pytest.mark.parametrize(("value", "status"), [("=true", 200), ("=1", 200), ("=false", 404)])
def test_a_flag_may_have_a_value(program: list[str], value: str, status: int) -> None:
    server = start_without_log("either", program, f"-proxy-metrics{value}")
    try:
        assert server.call("GET", "/metrics").status == status
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("content", "position", "problem"),
    [
        (None, {}, "No such file or directory"),
        ('[\n {"name": "a",}]', {"line": 2, "column": 15}, "invalid character '}'"),
        ("[" + "1,\n" * 30_000 + "x]", {"line": 30_001, "column": 1}, "invalid JSON"),
        ('[{"name": "a"}]', {}, "missing required field: upstream at proxy 1"),
    ],
    ids=["missing", "no JSON", "long", "no upstream"],
)
def test_an_invalid_config_file_is_logged_in_one_line_with_position_and_hint(
    tmp_path: Path, content: str | None, position: dict[str, int], problem: str
) -> None:
    config, log = tmp_path / "toxiproxy.json", tmp_path / "log"
    if content is not None:
        config.write_text(content)
    with log.open("wb") as file:
        start_without_log("embedded", EMBEDDED, "-config", str(config), log=file.fileno()).stop()
    _, line = [json.loads(line) for line in log.read_text().splitlines()]
    assert (line["level"], line["config"]) == ("error", str(config))
    assert {key: line[key] for key in ("line", "column") if key in line} == position
    assert problem in line["error"]
    assert line["hint"].startswith("correct the file")


def test_a_long_log_line_is_shortened_but_still_json() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as file:
        log = Log(writer)
        log("error", "failed", error="x" * 5000 + "the point", proxy="p")
        log("error", "failed", **{f"field{number}": "\x01" * 400 for number in range(9)})
        os.close(writer)
        first, second = (json.loads(line) for line in file)
    assert first["error"].endswith("the point")
    assert first["proxy"] == "p"
    assert (second["level"], second["event"]) == ("error", "failed")


def test_start_up_imports_no_heavy_modules() -> None:
    code = (
        "import sys, json, harness.proxy._main;"
        "print(json.dumps(sorted(m for m in sys.modules if '.' not in m or 'harness' in m)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    modules = set(json.loads(done.stdout))
    assert not modules & {"asyncio", "pydantic", "locust", "gevent", "docker", "msgspec", "ssl"}
    rooms = {name.split(".")[1] for name in modules if name.startswith("harness.")}
    assert rooms == {"proxy", "errors"}


def test_log_lines_name_the_events(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        server = start_without_log("embedded", EMBEDDED, log=file.fileno())
    try:
        proxy = server.proxy(1)
        proxy.add("noop", expires_in=0.01)
        eventually(lambda: not proxy.toxics())
        with proxy.connect() as client:
            client.recv(1)
    finally:
        server.stop()
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events == ["listening", "proxy_started", "toxic_expired", "upstream_unreachable"]


def test_every_file_in_the_toxics_folder_is_registered() -> None:
    folder = Path(harness.proxy.__file__).parent / "toxics"
    code = (
        "from harness.proxy.toxics import TOXIC_TYPES; import json; "
        "print(json.dumps(sorted(TOXIC_TYPES)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout) == sorted(path.stem for path in folder.glob("[!_]*.py"))


@pytest.mark.parametrize(
    "path",
    sorted((Path(harness.proxy.__file__).parent / "toxics").glob("[!_]*.py")),
    ids=lambda path: path.stem,
)
def test_each_toxic_is_a_small_file(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 80
