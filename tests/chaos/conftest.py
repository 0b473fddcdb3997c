"""Fixtures: Toxiproxy servers, real and embedded, and a small stack behind each."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import TypeAlias

import docker
import pytest

from harness.chaos import Chaos, Toxiproxy
from harness.errors import HarnessError
from harness.history import Fault as FaultEvent
from harness.stack import Settings, read_stack
from harness.stack.compose._stack import ComposeStack

from .fake_stack import FakeStack


def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Wait until `condition` is true; fail after `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"condition not met after {limit} s"
        time.sleep(0.02)


def _real_command() -> list[str]:
    found = os.environ.get("HARNESS_TOXIPROXY") or shutil.which("toxiproxy-server")
    if found is None:
        if "toxiproxy" in os.environ.get("HARNESS_REQUIRE", ""):
            pytest.fail("no toxiproxy-server found, and HARNESS_REQUIRE demands one")
        pytest.skip("no toxiproxy-server found; set HARNESS_TOXIPROXY to its path")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return [found, "-host", "127.0.0.1", "-port", str(port)]


@pytest.fixture(scope="session", params=["real", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield `host:port` of a running Toxiproxy."""
    with _toxiproxy(request.param) as address:
        yield address


@contextlib.contextmanager
def _toxiproxy(variant: str) -> Iterator[str]:
    is_real = variant == "real"
    command = (
        _real_command()
        if is_real
        else [sys.executable, "-m", "harness.proxy", "--host", "127.0.0.1", "--port", "0"]
    )
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        if is_real:
            address = f"127.0.0.1:{command[-1]}"
        else:
            address = f"127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        # Read its log, or it would block once the pipe is full.
        reader = Thread(target=process.stdout.read, daemon=True)
        reader.start()
        until(lambda: _answers(address))
        yield address
        process.terminate()
        reader.join()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _answers(address: str) -> bool:
    toxiproxy = Toxiproxy(address)
    try:
        return bool(toxiproxy.version())
    except HarnessError:
        return False
    finally:
        toxiproxy.close()


@pytest.fixture
def stack(server: str) -> Iterator[FakeStack]:
    """Yield a stack whose services are threads."""
    made = FakeStack(server)
    yield made
    made.close()


@pytest.fixture
def processes(server: str) -> Iterator[FakeStack]:
    """Yield a stack whose `border` and `gate` are processes, which can be killed."""
    made = FakeStack(server, processes=("border", "gate"))
    yield made
    made.close()


class ContainerStack(ComposeStack):
    """The same stack in containers, with the attribute that tests use of a `FakeStack`."""

    toxics: Toxiproxy


AnyStack: TypeAlias = FakeStack | ContainerStack


@pytest.fixture(scope="session")
def containers(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContainerStack]:
    """Yield the stack in containers; each test must restore what it changes."""
    spec = read_stack(Path(__file__).parent / "containers", os.environ)
    with ContainerStack(spec, tmp_path_factory.mktemp("containers")) as made:
        made.start(Settings(), lines=lambda *_: None, nodes=lambda _: None)
        made.toxics = Toxiproxy(made.toxiproxy())
        yield made
        made.toxics.close()


@pytest.fixture(scope="session", params=["real", "embedded", "compose"])
def backend(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., contextlib.AbstractContextManager[AnyStack]]]:
    """Yield a factory of the stack: in containers, or of threads behind either Toxiproxy."""
    if request.param == "compose":
        stack = request.getfixturevalue("containers")
        yield lambda **_: contextlib.nullcontext(stack)
        return
    with _toxiproxy(request.param) as address:
        yield lambda **options: contextlib.closing(FakeStack(address, **options))


@pytest.fixture
def any_stack(
    backend: Callable[..., contextlib.AbstractContextManager[AnyStack]],
) -> Iterator[AnyStack]:
    """Yield the stack, on every backend."""
    with backend() as stack:
        yield stack


@pytest.fixture
def nodes(
    backend: Callable[..., contextlib.AbstractContextManager[AnyStack]],
) -> Iterator[AnyStack]:
    """Yield the stack on every backend; `border` and `gate` can be killed."""
    with backend(processes=("border", "gate")) as stack:
        yield stack


@pytest.fixture
def events() -> list[FaultEvent]:
    """Return the list to which `chaos` appends its events."""
    return []


@pytest.fixture
def chaos(stack: FakeStack, tmp_path: Path, events: list[FaultEvent]) -> Iterator[Chaos]:
    """Yield a `Chaos` on `stack`."""
    with Chaos(stack, tmp_path, emit=events.append) as made:
        yield made


def states(events: list[FaultEvent], id_: str = "") -> list[str]:
    """Return the states of `events`, of all or of one injection."""
    return [event.state for event in events if not id_ or event.id == id_]
