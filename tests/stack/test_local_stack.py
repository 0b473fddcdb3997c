"""The local backend's own features: starts that fail, reserved ports, preloaded modules."""

import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from stack_rig import Rig, eventually

from harness.errors import StackError, UsageError
from harness.stack import Settings, read_stack
from harness.stack.local import LocalStack, _process
from harness.stack.local._state import LABEL, StateDir

pytestmark = pytest.mark.stack

MakeRig = Callable[..., Rig]

HELLO = """
import os, sys
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
NAME = os.environ.get("NAME", "nobody")
def app():
    async def show(request):
        return JSONResponse({"name": NAME, "env": dict(os.environ)})
    return Starlette(routes=[Route("/", show)])
def other():
    NAME = "other"
    async def show(request):
        return JSONResponse({"name": NAME})
    return Starlette(routes=[Route("/", show)])
"""


def write_stack(directory: Path, services: Mapping[str, Any], **code: str) -> Path:
    """Write to `directory` a stack of services at one site, without links."""
    file = {
        "x-harness": {},
        "services": {
            "toxiproxy": {},
            **{
                name: {
                    **{key: value for key, value in body.items() if key != "x-harness"},
                    "x-harness": {"site": "here", **body["x-harness"]},
                }
                for name, body in services.items()
            },
        },
    }
    (directory / "docker-compose.yml").write_text(json.dumps(file))
    for module, text in code.items():
        (directory / f"{module}.py").write_text(text)
    return directory


def left_of(state_dir: Path) -> list[str]:
    """Return what is left of a stack: processes with its label, and files other than its logs."""
    processes = [f"pid {p.pid}" for p in _process.labelled(LABEL, str(state_dir))]
    return processes + [path.name for path in state_dir.iterdir() if path.name != "logs"]


def test_service_that_exits_during_start_is_named_with_its_last_lines(
    rig: MakeRig, tmp_path: Path
) -> None:
    command = ["sh", "-c", "echo one; echo 'no licence' >&2; exit 7"]
    one = rig(write_stack(tmp_path, {"pump": {"x-harness": {"command": command, "port": 80}}}))

    with pytest.raises(StackError) as raised:
        one.start()

    message = str(raised.value)
    assert message.startswith("pump: exited during its start (exit status 7); its last lines: ")
    assert "no licence" in message
    assert str(one.state_dir / "logs" / "pump.log") in message
    assert left_of(one.state_dir) == []


def test_command_that_does_not_exist_is_named(rig: MakeRig, tmp_path: Path) -> None:
    one = rig(write_stack(tmp_path, {"pump": {"x-harness": {"command": ["no-such-program"]}}}))

    with pytest.raises(StackError, match="cannot run 'no-such-program': No such file or directory"):
        one.start()


@pytest.mark.parametrize(
    ("app", "code", "expected"),
    [
        ("hello:nothing", HELLO, "hello has no 'nothing'; correct x-harness.app: hello:nothing"),
        ("missing:app", HELLO, "No module named 'missing'"),
        ("hello:app", "raise RuntimeError('out of stamps')", "out of stamps"),
        ("hello:app", "def app(): raise RuntimeError('out of ink')", "out of ink"),
    ],
)
def test_app_that_cannot_be_loaded_is_reported_with_the_reason(
    app: str, code: str, expected: str, rig: MakeRig, tmp_path: Path
) -> None:
    services = {"hello": {"x-harness": {"app": app, "port": 80}}}
    one = rig(write_stack(tmp_path, services, hello=code))

    with pytest.raises(StackError, match=expected):
        one.start()


def test_service_that_is_never_ready_times_out(rig: MakeRig, tmp_path: Path) -> None:
    services = {"pump": {"x-harness": {"command": ["sleep", "1000"], "port": 80}}}
    one = rig(write_stack(tmp_path, services), ready_timeout=0.3)

    with pytest.raises(StackError, match=r"pump: was not ready after 0\.3 s; it wrote no output"):
        one.start()
    assert left_of(one.state_dir) == []


def test_dependents_of_a_failed_service_are_neither_started_nor_reported(
    rig: MakeRig, tmp_path: Path
) -> None:
    services: dict[str, dict[str, Any]] = {
        "tap": {"x-harness": {"command": ["true"]}, "depends_on": ["pump"]},
        "pump": {"x-harness": {"command": ["false"], "port": 80}},
    }
    services["tap"]["depends_on"] = {"pump": {"condition": "service_healthy"}}
    one = rig(write_stack(tmp_path, services))

    with pytest.raises(StackError, match="pump: exited during its start"):
        one.start()
    assert one.history("tap") == []


def test_unexpected_exit_is_reported_as_unplanned(rig: MakeRig, tmp_path: Path) -> None:
    services = {"pump": {"x-harness": {"command": ["sleep", "1000"]}}}
    one = rig(write_stack(tmp_path, services))
    one.start()

    os.kill(one.pid("pump"), signal.SIGKILL)

    eventually(lambda: one.history("pump")[-1] == ("exited", False))
    assert one.nodes[-1].detail == "killed by SIGKILL"
    one.stack.launch("pump")
    one.stack.kill("pump")
    assert one.history("pump")[-1] == ("exited", True)


def test_remaining_output_is_delivered_before_the_exit_event(rig: MakeRig, tmp_path: Path) -> None:
    wait = "while [ ! -e go ]; do sleep 0.02; done"
    command = ["sh", "-c", f"{wait}; echo bye; printf 'without an end' >&2"]
    one = rig(write_stack(tmp_path, {"pump": {"x-harness": {"command": command}}}))
    seen: list[object] = []
    one.stack.start(
        Settings(),
        lines=lambda service, line, _: seen.append(line) if service == "pump" else None,
        nodes=lambda node: seen.append(node.state) if node.service == "pump" else None,
    )

    (tmp_path / "go").touch()

    eventually(lambda: seen[-1] == "exited")
    assert sorted(map(str, seen[-3:-1])) == ["b'bye'", "b'without an end'"]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_children_of_a_command_end_with_it(end: str, rig: MakeRig, tmp_path: Path) -> None:
    script = "sleep 1000 & echo $$!; setsid sleep 1000 & echo $$!; wait"
    services = {"pump": {"x-harness": {"command": ["sh", "-c", script]}, "stop_grace_period": "1s"}}
    one = rig(write_stack(tmp_path, services))
    one.start()
    children = eventually(lambda: len(one.output("pump")) == 2 and [*map(int, one.output("pump"))])

    getattr(one.stack, end)("pump")

    assert not any((p := _process.find(pid)) and p.is_running for pid in children[:1])
    one.stack.close()
    assert not any((p := _process.find(pid)) and p.is_running for pid in children)


def test_service_that_ignores_sigterm_is_killed_after_its_grace_period(
    rig: MakeRig, tmp_path: Path
) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    services = {"pump": {"x-harness": {"command": ["sh", "-c", script]}}}
    services["pump"]["stop_grace_period"] = "200ms"  # type: ignore[assignment]
    one = rig(write_stack(tmp_path, services))
    one.start()
    eventually(lambda: one.output("pump"))

    one.stack.stop("pump")

    assert one.nodes[-1].detail == "killed by SIGKILL"


def test_paused_service_can_be_stopped_and_killed(rig: MakeRig, tmp_path: Path) -> None:
    services = {"pump": {"x-harness": {"command": ["sleep", "1000"]}}}
    one = rig(write_stack(tmp_path, services))
    one.start()
    for end in (one.stack.stop, one.stack.kill):
        one.stack.pause("pump")
        end("pump")
        one.stack.launch("pump")
    one.stack.pause("pump")
    one.stack.close()
    assert left_of(one.state_dir) == []


def test_ports_are_outside_the_range_of_outgoing_connections(rig: MakeRig) -> None:
    one = rig()
    one.start()
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())

    addresses = [one.stack.toxiproxy(), one.stack.address("front"), one.stack.address("database")]
    addresses += [one.stack.link_address(link) for link in one.stack.spec.links]

    ports = [int(address.rpartition(":")[2]) for address in addresses]
    assert len(set(ports)) == len(ports)
    assert not any(low <= port <= high for port in ports)


def test_port_of_a_service_that_is_down_stays_reserved(rig: MakeRig) -> None:
    one = rig()
    one.start()
    for service in ("front", "database"):
        one.stack.kill(service)
        host, _, port = one.stack.address(service).rpartition(":")
        with socket.socket() as intruder, pytest.raises(OSError, match="Address already in use"):
            intruder.bind((host, int(port)))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), 1)
        one.stack.launch(service)


def test_two_stacks_run_side_by_side(rig: MakeRig) -> None:
    first, second = rig(), rig()
    first.start(pace=1)
    second.start(pace=2)

    assert first.get("front", "/health").json()["pace"] == "1.0"
    assert second.get("front", "/health").json()["pace"] == "2.0"
    first.stack.close()
    assert second.get("front", "/books").json() == {"answer": 42}


def test_module_that_reads_its_environment_on_import_is_not_shared(
    rig: MakeRig, tmp_path: Path
) -> None:
    services = {
        name: {"environment": {"NAME": name}, "x-harness": {"app": "hello:app", "port": 80}}
        for name in ("anna", "budi")
    }
    one = rig(write_stack(tmp_path, services, hello=HELLO))
    one.start()

    assert [one.get(name, "/").json()["name"] for name in services] == ["anna", "budi"]


def test_service_inherits_only_listed_variables_of_the_harness(
    rig: MakeRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE", "production")
    services = {"hello": {"environment": {"A": "b"}, "x-harness": {"app": "hello:app", "port": 80}}}
    one = rig(write_stack(tmp_path, services, hello=HELLO))
    one.start(pace=60, epoch=1000.0)

    seen = one.get("hello", "/").json()["env"]

    assert "DATABASE" not in seen
    assert seen["A"] == "b"
    assert f"{seen['HOST']}:{seen['PORT']}" == one.stack.address("hello")
    assert (seen["PACE"], seen["CLOCK_EPOCH"]) == ("60.0", "1000.0")
    assert seen["CLOCK_ORIGIN"] == "1970-01-01T00:16:40+00:00"


def test_settings_can_replace_an_app(rig: MakeRig, tmp_path: Path) -> None:
    services = {"hello": {"x-harness": {"app": "hello:app", "port": 80}}}
    one = rig(write_stack(tmp_path, services, hello=HELLO))
    one.start(apps={"hello": "hello:other"})

    assert one.get("hello", "/").json() == {"name": "other"}


def test_state_directory_holds_one_stack_at_a_time(rig: MakeRig, tmp_path: Path) -> None:
    services = {"pump": {"x-harness": {"command": ["sleep", "1000"]}}}
    first = rig(write_stack(tmp_path, services))
    first.start()
    second = rig(tmp_path, first.state_dir)

    with pytest.raises(StackError, match="a stack is already running here; stop it: harness down"):
        second.start()

    assert first.stack.status()[0].state == "running"
    first.stack.close()
    second.start()


def test_close_may_be_called_before_start_and_twice(rig: MakeRig, tmp_path: Path) -> None:
    one = rig(write_stack(tmp_path, {"pump": {"x-harness": {"command": ["sleep", "1000"]}}}))
    one.stack.close()
    one.start()
    one.stack.close()
    one.stack.close()

    assert left_of(one.state_dir) == []
    with pytest.raises(StackError, match="the stack is not running; start it"):
        one.stack.status()


def test_the_seed_of_the_settings_reaches_the_embedded_toxiproxy(
    rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_TOXIPROXY", raising=False)
    monkeypatch.setattr("harness.stack.local._toxiproxy.shutil.which", lambda _: None)
    seeds = []
    for _ in range(2):
        one = rig()
        one.start(seed=41)
        log = one.state_dir / "logs" / "toxiproxy.log"
        seeds.append(json.loads(log.read_text().splitlines()[0])["seed"])
    assert seeds == [41, 41]


def test_wrong_toxiproxy_path_is_a_usage_error(
    rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_TOXIPROXY", "/no/such/server")
    one = rig()

    with pytest.raises(
        UsageError, match="HARNESS_TOXIPROXY=/no/such/server: is not an executable file"
    ):
        one.start()
    assert left_of(one.state_dir) == []


def test_state_directory_may_have_a_long_path(tmp_path: Path) -> None:
    directory = write_stack(tmp_path, {"pump": {"x-harness": {"command": ["sleep", "1000"]}}})
    state = tmp_path.joinpath(*["a-rather-long-name"] * 8)
    with LocalStack(read_stack(directory, {}), state) as stack:
        stack.start(Settings(), lines=lambda *_: None, nodes=lambda _: None)
        StateDir(state).connect(1.0).close()
    assert left_of(state) == []


def test_sink_that_fails_does_not_stop_the_stack(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = write_stack(tmp_path, {"pump": {"x-harness": {"command": ["sleep", "1000"]}}})

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    with LocalStack(read_stack(directory, {}), tmp_path / "state") as stack:
        stack.start(Settings(), lines=fail, nodes=fail)
        assert stack.status()[0].state == "running"
    assert "a sink of the stack's events failed" in caplog.text


def test_sink_that_calls_its_stack_gets_an_error_instead_of_a_deadlock(
    tmp_path: Path,
) -> None:
    directory = write_stack(tmp_path, {"pump": {"x-harness": {"command": ["sleep", "1000"]}}})
    errors: list[str] = []
    with LocalStack(read_stack(directory, {}), tmp_path / "state") as stack:

        def call(node: object) -> None:
            try:
                stack.status()
            except StackError as error:
                errors.append(str(error))

        stack.start(Settings(), lines=lambda *_: None, nodes=call)
        stack.kill("pump")
    assert "a sink must not call its own stack; call it from another thread" in errors
